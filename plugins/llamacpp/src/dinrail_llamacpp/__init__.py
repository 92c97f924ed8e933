"""GGUF models through llama.cpp: on this machine, or on a server elsewhere."""
