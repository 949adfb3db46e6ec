variable "networks" {
  description = "Region, VPC and private subnets of each pool, which are those of its cluster"
  type = map(object({
    region  = string
    vpc_id  = string
    subnets = list(string)
  }))
  default = {
    tokyo = {
      region  = "ap-northeast-1"
      vpc_id  = "vpc-0a1b2c3d4e5f60001"
      subnets = ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"]
    }
    virginia = {
      region  = "us-east-1"
      vpc_id  = "vpc-0a1b2c3d4e5f60011"
      subnets = ["subnet-0a1b2c3d4e5f60011", "subnet-0a1b2c3d4e5f60012"]
    }
  }
  nullable = false
}
