"""Back-end `server`: models behind OpenAI-compatible endpoints. Start at `engine.py`."""
