"""What the assets need from outside: the store, models, engines, the catalogue."""
