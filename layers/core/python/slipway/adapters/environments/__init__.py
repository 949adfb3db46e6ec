"""Environments of pull requests in AWS: services, rules, target groups, log groups, images."""
