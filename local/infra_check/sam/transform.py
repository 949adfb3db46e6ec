"""The transform AWS::Serverless-2016-10-31, done here by AWS's own library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.infra_check.sam.faults import TemplateFaultError
from local.infrastructure.cloudformation.template_text import Template

TRANSFORM = "AWS::Serverless-2016-10-31"
BUCKET = "packages"
_PACKAGE_KEYS = ("CodeUri", "ContentUri")


def transformed(template: Template, parameters: Mapping[str, Any], region: str) -> Template:
    """Return the template without SAM's own resources; packages lie in the bucket `packages` by their paths.

    The template that is given is changed. One that has no transform stays as it is.
    """
    if template.get("Transform") != TRANSFORM:
        return template
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for key in _PACKAGE_KEYS:
            if isinstance(properties.get(key), str):
                # What `sam deploy` does when it uploads a package.
                properties[key] = f"s3://{BUCKET}/{properties[key]}"
    session = boto3.session.Session(region_name=region)
    try:
        # No managed policies: SAM looks them up only for roles that it makes, and ours are all written out.
        done: Template = Translator({}, Parser(), None, session).translate(template, dict(parameters))
    except InvalidDocumentException as fault:
        raise TemplateFaultError("; ".join(cause.message for cause in fault.causes)) from fault
    return done
