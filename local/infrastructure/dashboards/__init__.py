"""Dashboards: what a deployment's metrics and log lines say, for CloudWatch and for Grafana."""
