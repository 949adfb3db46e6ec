"""The only home of boto3, httpx, PyJWT and sockets."""
