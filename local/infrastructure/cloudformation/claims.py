"""A private claim API is served as it was when it was deployed: what it is now names its deployment. Pure."""

from __future__ import annotations

import hashlib
import json

from local.infrastructure.cloudformation.template_text import Template

_API, _DEPLOYMENT, _STAGE = "ClaimApiPrivate", "ClaimDeployment", "ClaimStagePrivate"
_SERVED = {"AWS::ApiGateway::Method", "AWS::ApiGateway::Resource"}


def deploy_claims_anew(template: Template) -> None:
    """Name the deployment of the private claim API after what it serves.

    CloudFormation makes a deployment once for each logical id, and a change of the API, its policy too, is served by
    the next one [LAMBDA-REST-POLICY]: so each other API gets another deployment, to which the stage is moved. Which
    endpoints there are is a parameter's, and not seen here.
    """
    resources = template["Resources"]
    of_api = {
        name: resource
        for name, resource in resources.items()
        if name == _API
        or (resource["Type"] in _SERVED and resource["Properties"]["RestApiId"] == {"Ref": _API})
    }
    digest = hashlib.sha256(json.dumps(of_api, sort_keys=True).encode()).hexdigest()[:12]
    named = f"{_DEPLOYMENT}{digest}"
    template["Resources"] = {
        named if name == _DEPLOYMENT else name: resource for name, resource in resources.items()
    }
    template["Resources"][_STAGE]["Properties"]["DeploymentId"] = {"Ref": named}
