"""The HTTP door: log-in, uploads, content, health."""
