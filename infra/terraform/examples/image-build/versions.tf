terraform {
  # A variable's validation looks at other variables and at files since 1.9.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Since 6.0 a resource takes a region of its own: pools in several regions with one provider.
      version = ">= 6.0"
    }
  }
}
