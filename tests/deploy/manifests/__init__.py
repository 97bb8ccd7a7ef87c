"""What is given to Kubernetes: rendered by its own tools, checked against its schemas, and started as processes."""
