"""What is deployed, as packages: each function's zip, the two layers, and what describes the deployment."""
