"""Elastic Load Balancing: one Application Load Balancer's listeners, with their rules and target groups [ELB-RULES]."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from local.twin.aws.errors import AwsFault
from local.twin.aws.paging import page
from local.twin.aws.service import Context, Response, Service, operation

RULES_OF_A_LISTENER: Final = 100  # [ELB-QUOTAS]: of a load balancer, which here has one listener
LAST_PRIORITY: Final = 50_000
_LONGEST_NAME: Final = 32
_COMPARED: Final[tuple[str, ...]] = ("Protocol", "Port", "VpcId", "TargetType", "HealthCheckPath")


@dataclass(slots=True)
class TargetGroup:
    """One target group; ``request`` is what made it, and changed it since."""

    arn: str
    name: str
    request: dict[str, Any]

    def view(self, balancers: list[str]) -> dict[str, Any]:
        shown: dict[str, Any] = {
            name: self.request[name] for name in (*_COMPARED, "Matcher") if name in self.request
        }
        return {
            "TargetGroupArn": self.arn,
            "TargetGroupName": self.name,
            "LoadBalancerArns": balancers,
            **shown,
        }


@dataclass(slots=True)
class Rule:
    """One rule of a listener."""

    arn: str
    priority: int
    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]

    def view(self) -> dict[str, Any]:
        return {
            "RuleArn": self.arn,
            "Priority": str(self.priority),
            "Conditions": self.conditions,
            "Actions": self.actions,
            "IsDefault": False,
        }

    @property
    def target_groups(self) -> set[str]:
        return {action["TargetGroupArn"] for action in self.actions if "TargetGroupArn" in action}


@dataclass(slots=True)
class Listener:
    """One listener with its rules by ARN, besides the default one."""

    arn: str
    balancer: str
    rules: dict[str, Rule] = field(default_factory=dict)


class Elbv2(Service):
    """Listeners are made by ``add_listener``: who runs the twin owns the load balancer."""

    name: ClassVar[str] = "elbv2"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.listeners: dict[str, Listener] = {}
        self.target_groups: dict[str, TargetGroup] = {}
        self.most_rules = RULES_OF_A_LISTENER

    # What stands on the other side of the wire.

    def add_listener(self, name: str = "previews") -> str:
        """Make a load balancer with one listener and return the listener's ARN."""
        balancer = self._arn(f"loadbalancer/app/{name}/{self.context.ids.hex(16)}")
        arn = f"{balancer.replace(':loadbalancer/', ':listener/')}/{self.context.ids.hex(16)}"
        self.listeners[arn] = Listener(arn, balancer)
        return arn

    def is_balanced(self, target_group: str) -> bool:
        """Whether a rule sends to a target group."""
        return bool(self._balancers(target_group))

    # Operations.

    @operation
    def create_target_group(self, **request: Any) -> Response:
        name = request["Name"]
        if len(name) > _LONGEST_NAME or name.startswith("-") or name.endswith("-"):  # [ELB-TARGET-GROUP-NAME]
            raise AwsFault("ValidationError", f"Target group name '{name}' is not valid")
        known = next((group for group in self.target_groups.values() if group.name == name), None)
        if known is not None:
            if any(
                known.request.get(key) != request.get(key) for key in _COMPARED
            ):  # [ELB-TARGET-GROUP-TWICE]
                message = f"A target group with the same name '{name}' exists, but with different settings"
                raise AwsFault("DuplicateTargetGroupName", message)
            return {"TargetGroups": [known.view(self._balancers(known.arn))]}
        arn = self._arn(f"targetgroup/{name}/{self.context.ids.hex(16)}")
        self.target_groups[arn] = TargetGroup(arn, name, dict(request))
        return {"TargetGroups": [self.target_groups[arn].view([])]}

    @operation
    def modify_target_group(self, **request: Any) -> Response:
        group = self._target_group(request["TargetGroupArn"])
        group.request |= {name: value for name, value in request.items() if name != "TargetGroupArn"}
        return {"TargetGroups": [group.view(self._balancers(group.arn))]}

    @operation
    def delete_target_group(self, **request: Any) -> Response:
        arn = request["TargetGroupArn"]
        if self.is_balanced(arn):  # [ELB-TARGET-GROUP-IN-USE]
            message = f"Target group '{arn}' is currently in use by a listener or a rule"
            raise AwsFault("ResourceInUse", message)
        self._target_group(arn)
        del self.target_groups[arn]
        return {}

    @operation
    def describe_target_groups(self, **request: Any) -> Response:
        groups = [group.view(self._balancers(group.arn)) for group in self.target_groups.values()]
        return _page("TargetGroups", groups, request)

    @operation
    def create_rule(self, **request: Any) -> Response:
        listener, priority = self._listener(request["ListenerArn"]), int(request["Priority"])
        if not 1 <= priority <= LAST_PRIORITY:
            raise AwsFault("ValidationError", "A rule's priority is 1 to 50000")
        if any(rule.priority == priority for rule in listener.rules.values()):
            raise AwsFault("PriorityInUse", f"Priority '{priority}' is currently in use")
        if len(listener.rules) >= self.most_rules:  # [ELB-QUOTAS]
            raise AwsFault("TooManyRules", "The maximum number of rules has been reached")
        for action in request["Actions"]:
            if "TargetGroupArn" in action:
                self._target_group(action["TargetGroupArn"])
        arn = f"{listener.arn.replace(':listener/', ':listener-rule/')}/{self.context.ids.hex(16)}"
        rule = Rule(arn, priority, list(request["Conditions"]), list(request["Actions"]))
        listener.rules[arn] = rule
        return {"Rules": [rule.view()]}

    @operation
    def delete_rule(self, **request: Any) -> Response:
        for listener in self.listeners.values():
            if listener.rules.pop(request["RuleArn"], None):
                return {}
        raise AwsFault("RuleNotFound", "One or more rules not found")

    @operation
    def describe_rules(self, **request: Any) -> Response:
        listener = self._listener(request["ListenerArn"])
        rules = [rule.view() for rule in sorted(listener.rules.values(), key=lambda rule: rule.priority)]
        default = {
            "RuleArn": f"{listener.arn.replace(':listener/', ':listener-rule/')}/default",
            "Priority": "default",
            "Conditions": [],
            "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
            "IsDefault": True,
        }
        return _page("Rules", [*rules, default], request)

    def _arn(self, resource: str) -> str:
        context = self.context
        return f"arn:aws:elasticloadbalancing:{context.region}:{context.account_id}:{resource}"

    def _listener(self, arn: str) -> Listener:
        if arn not in self.listeners:
            raise AwsFault("ListenerNotFound", "One or more listeners not found")
        return self.listeners[arn]

    def _target_group(self, arn: str) -> TargetGroup:
        if arn not in self.target_groups:
            raise AwsFault("TargetGroupNotFound", "One or more target groups not found")
        return self.target_groups[arn]

    def _balancers(self, target_group: str) -> list[str]:
        return [
            listener.balancer
            for listener in self.listeners.values()
            if any(target_group in rule.target_groups for rule in listener.rules.values())
        ]


def _page(key: str, values: list[dict[str, Any]], request: dict[str, Any]) -> Response:
    """A page of at most 400, with the names that this API has for its tokens."""
    asked = {"nextToken": request.get("Marker"), "PageSize": request.get("PageSize")}
    answer = page(key, values, asked, "PageSize", "nextToken", largest=400)
    token = answer.pop("nextToken", None)
    return {**answer, **({"NextMarker": token} if token else {})}
