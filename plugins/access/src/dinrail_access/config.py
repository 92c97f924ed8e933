"""``[services.access]``: who may use the server, and how much."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["AccessConfig", "Algorithm", "IssuerConfig", "LimitConfig", "RuleConfig", "ShareConfig", "Who"]

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures made with a private key. With a shared secret (HS256), whoever can check a token could make one."""

Pattern = Annotated[str, Field(min_length=1, max_length=500)]
"""A name; `*` stands for any characters, `?` for one."""
Patterns = tuple[Pattern, ...]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Who(_Table):
    """Whom a rule is about: who fits every list that is not empty."""

    tenants: Patterns = ()
    """Tenants."""
    users: Patterns = ()
    """Users; a caller without a user fits none but `*`."""
    roles: Patterns = ()
    """Roles, of which the caller needs one."""


class IssuerConfig(_Table):
    """One issuer of bearer tokens (OpenID Connect, or any that publishes its keys as a JWKS)."""

    issuer: Annotated[str, Field(min_length=1, max_length=1000)]
    """What tokens say as `iss`, character for character."""
    audience: Annotated[tuple[str, ...], Field(min_length=1)]
    """What tokens may say as `aud`; one of these must be there."""
    jwks_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+")] | None = None
    """Where its keys are; without it, `<issuer>/.well-known/openid-configuration` tells."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "ES256")
    """Signatures that are accepted."""
    leeway: Annotated[float, Field(ge=0, le=600)] = 30.0
    """Seconds by which its clock and ours may differ."""
    tenant: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The tenant of all its users; without it, the claim `tenant_claim` tells."""
    tenant_claim: str = "tenant"
    """The claim that names the tenant; dots lead into objects (`organization.id`)."""
    user_claim: str = "sub"
    """The claim that names the user."""
    role_claims: tuple[str, ...] = ("roles", "groups")
    """Claims that list roles, as a list or as words; those that a token does not have are passed over."""
    attribute_claims: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")], str] = {}
    """More claims that become roles, by a prefix: `team = "teams"` makes the role `team:red` out of the team `red`."""


class RuleConfig(Who):
    """What some callers may use.

    All rules that fit a caller count: what one of them denies is denied, and where some of them list what may be used,
    nothing else may.
    """

    models: Patterns = ()
    """Models that may be used, `gpu0/*`: the provider's name and the upstream's, whatever alias a request uses."""
    deny_models: Patterns = ()
    """Models that may not."""
    providers: Patterns = ()
    """Providers that may be used."""
    deny_providers: Patterns = ()
    """Providers that may not."""
    routes: Patterns = ()
    """Operations that may be used, `GET /v1/files*`; a parameter stands as `{file_id}`."""
    deny_routes: Patterns = ()
    """Operations that may not."""


class LimitConfig(Who):
    """How much each key (or user with a token) may use.

    Of several that fit, the first that says something counts; what a key was given itself goes before all.
    """

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Requests, in any minute; as many may come at once."""
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Tokens read and written. An answer is counted when it is there, so the last one may go beyond."""
    concurrent_requests: Annotated[int, Field(ge=1)] | None = None
    """Requests under way at the same time."""
    stored_bytes: Annotated[int, Field(ge=0)] | None = None
    """Bytes that tenant and user may have stored altogether, over files, conversations, prompts and all else."""


class ShareConfig(_Table):
    """Which objects others of the same tenant may see. It covers what is made while it stands; owners never change."""

    objects: Annotated[tuple[str, ...], Field(min_length=1)]
    """Kinds of objects: `files`, `prompts`, `conversations`, …"""
    with_: Annotated[str, Field(alias="with", pattern=r"^(tenant|role:.{1,200})$")]
    """`tenant` for everybody in it; `role:PATTERN` for those who have a role that fits and that the maker had too."""
    to: Patterns = ()
    """Roles of which the reader needs one; anybody where empty."""
    access: Literal["read", "write"] = "read"
    """Whether they may also change and delete them."""


class AccessConfig(_Table):
    """Without issuers and before the first key, the server serves the one user of its machine."""

    api_keys: bool = True
    """Whether API keys count. Where they do not, a server can start while its database is down: it need not know if
    there are any."""
    issuers: tuple[IssuerConfig, ...] = ()
    """Whose bearer tokens count."""
    rules: tuple[RuleConfig, ...] = ()
    """What callers may use; everything without any."""
    limits: tuple[LimitConfig, ...] = ()
    """How much callers may use; without limit where none fits."""
    share: tuple[ShareConfig, ...] = ()
    """What callers see of others'; nothing without any."""
    upstream_keys: bool = False
    """Whether callers may send a key of their own for the upstream (`x-dinrail-upstream-key`), for that one request."""
    outage_grace: Annotated[float, Field(ge=0, le=86_400)] = 300.0
    """Seconds for which keys that were just in use still count while the database cannot be reached."""
    audit: Literal["file", "stderr", "off"] = "file"
    """Where the audit log goes, one line of JSON for each event. Nothing is noted while no identity is configured."""
    audit_file: Path | None = None
    """The file; `audit.jsonl` in the service's folder where not given. It may be renamed at any time."""

    @field_validator("audit_file")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()

    @model_validator(mode="after")
    def _check_issuers(self) -> "AccessConfig":
        names = [issuer.issuer for issuer in self.issuers]
        if len(set(names)) != len(names):
            raise ValueError("two issuers have the same name")
        return self
