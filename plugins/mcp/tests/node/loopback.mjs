// Loaded before a server: it listens on a free port of the loopback interface, whatever it asks for, and says which.
import { Server } from "node:net";

const listen = Server.prototype.listen;

Server.prototype.listen = function (...asked) {
  this.once("listening", () => console.error(`PORT=${this.address().port}`));
  return listen.call(this, 0, "127.0.0.1", ...asked.filter((one) => typeof one === "function"));
};
