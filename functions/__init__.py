"""The Lambda functions, one a folder; each is deployed alone as handler.lambda_handler."""
