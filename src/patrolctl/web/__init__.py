"""FastAPI and WebSocket."""
