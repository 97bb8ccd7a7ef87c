"""The configuration: `settings` says what may be written, `loader` reads it, `naming` says what a model name means."""
