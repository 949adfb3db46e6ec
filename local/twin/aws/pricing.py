"""AWS's price list: EC2's products with their terms; one region serves those of all [EC2-PRICE-ENDPOINTS]."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from local.twin.aws.errors import AwsFault
from local.twin.aws.paging import page
from local.twin.aws.service import Context, Response, Service, operation

_USUAL = {
    "servicecode": "AmazonEC2",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}


class Pricing(Service):
    """Products by their attributes [EC2-PRICE-LIST]."""

    name: ClassVar[str] = "pricing"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.products: list[dict[str, Any]] = []

    # What stands on the other side of the wire.

    def sell(self, region: str, instance_type: str, usd: str, **attributes: str) -> None:
        """AWS offers a type in a region: Linux, shared hardware and no software, unless attributes say else."""
        sku = f"SKU{len(self.products) + 1:013d}"
        term, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
        own = {"instanceType": instance_type, "regionCode": region}
        dimension = {"rateCode": rate, "unit": "Hrs", "pricePerUnit": {"USD": usd}}
        offered = {"sku": sku, "offerTermCode": "JRTCKXETXF", "priceDimensions": {rate: dimension}}
        self.products.append(
            {
                "product": {
                    "productFamily": "Compute Instance",
                    "sku": sku,
                    "attributes": {**_USUAL, **own, **attributes},
                },
                "serviceCode": "AmazonEC2",
                "terms": {"OnDemand": {term: offered}},
            }
        )

    @operation
    def get_products(self, **request: Any) -> Response:
        found = [each for each in self.products if each["serviceCode"] == request["ServiceCode"]]
        for wanted in request.get("Filters", []):
            if wanted["Type"] != "TERM_MATCH":
                raise AwsFault("InvalidParameterException", f"The twin knows no filter {wanted['Type']}")
            field, value = wanted["Field"], wanted["Value"]
            found = [each for each in found if each["product"]["attributes"].get(field) == value]
        texts = [json.dumps(each) for each in found]
        return {"FormatVersion": "aws_v1", **page("PriceList", texts, request, "MaxResults", "NextToken")}
