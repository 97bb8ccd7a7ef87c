"""Many at once, for long: what a process needs for it, and that it gives it back."""
