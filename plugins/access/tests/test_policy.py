"""What rules let somebody do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dinrail_access.config import AccessConfig, LimitConfig, RuleConfig, ShareConfig, Who
from dinrail_access.policy import fits, limits_of, matcher, policy_of, shares_of
from dinrail_core.api.call import Principal, Share

ANN = Principal("acme", "ann", frozenset({"team:red", "intern"}))

NAMES = st.sampled_from(["gpu0/a", "gpu0/b", "gpu1/a", "other/x"])
PATTERNS = st.lists(st.sampled_from(["gpu0/*", "gpu1/*", "*/a", "other/x", "*", "none"]), max_size=3).map(tuple)
RULES = st.lists(st.builds(RuleConfig, models=PATTERNS, deny_models=PATTERNS), max_size=3)


def allows(rules: list[RuleConfig], name: str, who: Principal = ANN) -> bool:
    instance, _, model = name.partition("/")
    return policy_of(rules, who).may_use(instance, model)


def test_without_rules_everything_may_be_used() -> None:
    policy = policy_of([], ANN)
    assert not policy.limits_models
    assert policy.may_use("gpu0", "m")
    assert policy.may_use("gpu0", None)
    assert policy.may_call("DELETE", "/v1/files/{file_id}")


@given(RULES, NAMES)
def test_what_is_denied_is_denied_and_a_list_of_what_is_allowed_is_all_there_is(
    rules: list[RuleConfig], name: str
) -> None:
    denied = any(matcher((pattern,))(name) for rule in rules for pattern in rule.deny_models)
    listed = [pattern for rule in rules for pattern in rule.models]
    allowed = not listed or any(matcher((pattern,))(name) for pattern in listed)
    assert allows(rules, name) == (allowed and not denied)


@given(RULES, NAMES, st.randoms())
def test_the_order_of_rules_does_not_matter(rules: list[RuleConfig], name: str, random: st.DataObject) -> None:
    shuffled = list(rules)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, which hypothesis types as its own
    assert allows(shuffled, name) == allows(rules, name)


@given(RULES, PATTERNS, NAMES)
def test_denying_more_never_allows_more(rules: list[RuleConfig], more: tuple[str, ...], name: str) -> None:
    if not allows(rules, name):
        assert not allows([*rules, RuleConfig(deny_models=more)], name)


def test_a_rule_about_others_changes_nothing() -> None:
    rules = [
        RuleConfig(tenants=("umbrella",), deny_models=("*",)),
        RuleConfig(tenants=("acme",), users=("bob",), deny_models=("*",)),
        RuleConfig(roles=("team:blue",), models=("none",)),
    ]
    assert allows(rules, "gpu0/a")
    assert not policy_of(rules, ANN).limits_models


@pytest.mark.parametrize(
    ("who", "is_ann"),
    [
        (Who(), True),
        (Who(tenants=("ac*",)), True),
        (Who(tenants=("ac*",), users=("bob", "ann")), True),
        (Who(roles=("team:*",)), True),
        (Who(roles=("TEAM:RED",)), False),
        (Who(tenants=("acme",), roles=("boss",)), False),
        (Who(users=("?",)), False),
        (Who(users=("a[n]n",)), False),
        (Who(users=("a.n",)), False),
    ],
)
def test_whom_a_rule_is_about(who: Who, is_ann: bool) -> None:
    assert fits(who, ANN) is is_ann


def test_a_caller_without_a_user_fits_only_rules_for_any() -> None:
    tenant = Principal("acme")
    assert fits(Who(users=("*",)), tenant)
    assert not fits(Who(users=("?*",)), tenant)


def test_providers_and_routes_have_rules_of_their_own() -> None:
    policy = policy_of([RuleConfig(deny_providers=("gpu1",), routes=("GET *", "POST /v1/chat/*"))], ANN)
    assert policy.limits_models
    assert not policy.may_use("gpu1", "m")
    assert not policy.may_use("gpu1", None)
    assert policy.may_use("gpu0", None)
    assert policy.may_call("GET", "/v1/files/{file_id}")
    assert policy.may_call("POST", "/v1/chat/completions")
    assert not policy.may_call("POST", "/v1/files")
    assert not policy.may_call("DELETE", "/v1/files/{file_id}")


def test_of_limits_the_first_that_says_something_counts() -> None:
    limits = [
        LimitConfig(users=("bob",), requests_per_minute=1),
        LimitConfig(roles=("intern",), requests_per_minute=2),
        LimitConfig(requests_per_minute=3, tokens_per_minute=4, stored_bytes=0),
    ]
    assert limits_of(limits, ANN) == {"requests_per_minute": 2, "tokens_per_minute": 4, "stored_bytes": 0}
    assert limits_of([], ANN) == {}


def test_what_is_shared_with_whom() -> None:
    rules = [
        ShareConfig.model_validate({"objects": ["prompts"], "with": "tenant"}),
        ShareConfig.model_validate({"objects": ["files"], "with": "role:team:*", "access": "write"}),
        ShareConfig.model_validate({"objects": ["notes"], "with": "tenant", "to": ["auditor"]}),
        ShareConfig.model_validate({"objects": ["plans"], "with": "role:team:*", "to": ["boss"], "access": "write"}),
    ]
    assert shares_of(rules, ANN) == (
        Share(frozenset({"prompts"})),
        Share(frozenset({"files"}), "team:red", writing=True),
        Share(frozenset({"plans"}), "team:red", reading=False),
    )
    assert shares_of(rules, Principal("acme", "zoe", frozenset({"auditor"}))) == (
        Share(frozenset({"prompts"})),
        Share(frozenset({"notes"})),
    )


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"issuers": [{"issuer": "a", "audience": ["x"], "algorithms": ["HS256"]}]}, "algorithms"),
        ({"issuers": [{"issuer": "a", "audience": ["x"], "algorithms": ["none"]}]}, "algorithms"),
        ({"issuers": [{"issuer": "a", "audience": []}]}, "audience"),
        ({"issuers": [{"issuer": "a", "audience": ["x"]}] * 2}, "the same name"),
        ({"share": [{"objects": ["files"], "with": "everybody"}]}, "with"),
        ({"rules": [{"model": ["x"]}]}, "model"),
        ({"limits": [{"requests_per_minute": 0}]}, "requests_per_minute"),
    ],
)
def test_a_wrong_configuration_is_refused(config: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AccessConfig.model_validate(config)
