"""The HTTP API: see `app.py` for what it answers and `server.py` for what carries it."""
