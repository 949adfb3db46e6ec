"""Terraform and SAM side by side: what each would deploy, in the same words."""
