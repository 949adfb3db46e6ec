"""Reports over usage records: who used what, what they waited for, what it cost."""
