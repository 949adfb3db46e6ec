"""Real Terraform without a registry or an account: a stub plays its AWS provider.

Terraform can do nothing with a configuration before it has the provider's schema, and the provider is a download from
a registry. The stub serves that schema instead, read off a package of npm that was generated from the real one, so that
``terraform validate``, ``test`` and ``plan`` judge arguments, types and references as they would with the provider.
What the provider's own code checks (choices, conflicts, ARNs) and what AWS would say, it does not know.
"""
