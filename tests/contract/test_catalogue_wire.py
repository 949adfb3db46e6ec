"""What the catalogue is made of, direct and over the wire: EC2's query protocol, and the price list's AWS JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.two_faces import Face, both, two_faces


@pytest.fixture
def faces() -> Iterator[tuple[Face, Face]]:
    """Equal twins, each with the same types and prices."""
    for pair in two_faces():
        for face in pair:
            for name in ("m7i.large", "m7g.large", "g5.12xlarge", "c7i.large", "c7i.xlarge", "c7i.2xlarge"):
                face.twin.ec2.types.offer(name)
            face.twin.ec2.types.offer("m7i.48xlarge", InstanceType="m7i.metal", BareMetal=True)
            for number in range(120):
                face.twin.pricing.sell("us-east-1", f"m7i.{number}xlarge", "0.1008000000")
            face.twin.pricing.sell("us-east-1", "m7i.large", "0.2", operatingSystem="Windows")
            face.twin.pricing.sell("eu-west-1", "m7i.large", "0.1100000000")
        yield pair


def test_types_are_told_in_pages_with_what_a_filter_lets_through(faces: tuple[Face, Face]) -> None:
    """[EC2-DESCRIBE-TYPES]"""
    filters = [
        {"Name": "bare-metal", "Values": ["false"]},
        {"Name": "processor-info.supported-architecture", "Values": ["x86_64", "arm64"]},
    ]
    first = both(faces, "ec2", "describe_instance_types", Filters=filters, MaxResults=5)
    rest = both(faces, "ec2", "describe_instance_types", Filters=filters, NextToken=first["NextToken"])
    found = {kind["InstanceType"]: kind for kind in first["InstanceTypes"] + rest["InstanceTypes"]}
    assert len(found) == 6
    assert "NextToken" not in rest
    assert found["g5.12xlarge"]["GpuInfo"]["Gpus"][0]["Count"] == 4
    assert found["m7g.large"]["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert found["m7i.large"]["VCpuInfo"]["DefaultVCpus"] == 2
    assert found["m7i.large"]["MemoryInfo"]["SizeInMiB"] == 8_192
    named = [
        {"Name": "instance-type", "Values": ["m7g.large"]},
        {"Name": "current-generation", "Values": ["true"]},
    ]
    assert len(both(faces, "ec2", "describe_instance_types", Filters=named)["InstanceTypes"]) == 1


def test_products_are_json_texts_in_pages_of_at_most_a_hundred(faces: tuple[Face, Face]) -> None:
    """[EC2-PRICE-LIST]"""
    filters = [
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"},
        {"Type": "TERM_MATCH", "Field": "operatingSystem", "Value": "Linux"},
    ]
    asked = {"ServiceCode": "AmazonEC2", "Filters": filters, "MaxResults": 100}
    first = both(faces, "pricing", "get_products", **asked)
    rest = both(faces, "pricing", "get_products", **asked, NextToken=first["NextToken"])
    assert (len(first["PriceList"]), len(rest["PriceList"])) == (100, 20)
    product = json.loads(first["PriceList"][0])
    assert product["product"]["attributes"]["instanceType"] == "m7i.0xlarge"
    (term,) = product["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert dimension["pricePerUnit"] == {"USD": "0.1008000000"}


def test_another_service_has_no_products_here(faces: tuple[Face, Face]) -> None:
    assert "PriceList" not in both(faces, "pricing", "get_products", ServiceCode="AmazonS3")


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code"),
    [
        (
            "ec2",
            "describe_instance_types",
            {"Filters": [{"Name": "colour", "Values": ["red"]}]},
            "InvalidParameterValue",
        ),
        (
            "pricing",
            "get_products",
            {"ServiceCode": "AmazonEC2", "Filters": [{"Type": "CONTAINS", "Field": "vcpu", "Value": "2"}]},
            "InvalidParameterException",
        ),
    ],
)
def test_what_the_twin_does_not_know_it_refuses(
    faces: tuple[Face, Face], service: str, operation: str, request_: dict[str, object], code: str
) -> None:
    _, response, status = both(faces, service, operation, **request_)
    assert (response["Error"]["Code"], status) == (code, 400)
