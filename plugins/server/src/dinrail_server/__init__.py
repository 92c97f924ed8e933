"""The HTTP server: binds the routes that plugins declare to aiohttp, in OpenAI's dialect."""
