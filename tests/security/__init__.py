"""What must not be seen is not: credentials and prompts, in logs, metrics, answers, errors and the store."""
