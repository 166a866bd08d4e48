"""Gates: what must hold before a result is built on it."""
