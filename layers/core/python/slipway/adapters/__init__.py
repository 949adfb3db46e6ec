"""The only home of botocore, httpx, PyJWT and sockets."""
