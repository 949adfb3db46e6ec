"""``slipway doctor``: looks, changes nothing, and tells every fault with what mends it."""
