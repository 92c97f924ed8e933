"""Bearer tokens of identity providers (RFC 7519, with the advice of RFC 8725)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import ClientSession

from dinrail_access.config import IssuerConfig
from dinrail_access.jwks import IssuerKeys
from dinrail_core.api.call import Principal
from dinrail_core.errors import Unauthenticated

__all__ = ["Token", "TokenReader"]

_LONGEST = 16 * 1024
_LONGEST_NAME = 200
_MOST_ROLES = 500
_LONGEST_LIFE = 10**9
_REQUIRED = ["exp", "iss", "aud"]


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was found good.

    Attributes:
        principal: Who showed it.
        credential: Its issuer and subject.
        expires_at: Seconds since the epoch after which it is refused.
    """

    principal: Principal
    credential: str
    expires_at: float


class TokenReader:
    """Checks tokens against the issuers that the operator configured.

    Nothing that a token says about how it should be checked is believed, except which of the issuer's keys to take:
    algorithms come from the configuration, keys from the issuer's own address, never from the token's header.

    Args:
        issuers: The issuers.
        session: Fetches their keys.
    """

    def __init__(self, issuers: Sequence[IssuerConfig], session: ClientSession) -> None:
        self._issuers = {issuer.issuer: (issuer, IssuerKeys(issuer, session)) for issuer in issuers}

    async def close(self) -> None:
        """Fetch no more."""
        for _, keys in self._issuers.values():
            await keys.close()

    async def read(self, token: str) -> Token:
        """Check a token.

        Raises:
            Unauthenticated: It is none, is not signed by its issuer, is not for us, or is not in force.
            Unavailable: The issuer's keys cannot be had.
        """
        if len(token) > _LONGEST:
            raise Unauthenticated("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            claimed = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, RecursionError):
            raise Unauthenticated("The credentials are neither an API key nor a token of a known form.") from None
        known = self._issuers.get(claimed.get("iss", "")) if isinstance(claimed.get("iss"), str) else None
        if known is None:
            raise Unauthenticated("The token comes from an issuer that this server does not know.")
        issuer, keys = known
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in issuer.algorithms:
            raise Unauthenticated("The token is signed in a way that is not accepted.")
        key = await keys.find(kid if isinstance(kid, str) else None, algorithm)
        if key is None:
            raise Unauthenticated("The token is signed with a key that its issuer does not have.")
        return _token(issuer, _verified(token, key, algorithm, issuer))


def _verified(token: str, key: jwt.PyJWK, algorithm: str, issuer: IssuerConfig) -> Mapping[str, Any]:
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],  # one of the operator's, and one that the key is for
            audience=issuer.audience,
            issuer=issuer.issuer,
            leeway=issuer.leeway,
            options={"require": _REQUIRED, "enforce_minimum_key_length": True},
        )
    except jwt.ExpiredSignatureError:
        raise Unauthenticated("The token has expired.", code="token_expired") from None
    except jwt.ImmatureSignatureError:
        raise Unauthenticated("The token is not valid yet.") from None
    except jwt.InvalidAudienceError:
        raise Unauthenticated("The token is for somebody else.") from None
    except jwt.MissingRequiredClaimError as error:
        raise Unauthenticated(f"The token has no claim '{error.claim}'.") from None
    except (jwt.PyJWTError, RecursionError, OverflowError):
        raise Unauthenticated("The token is not valid.") from None
    return claims


def _token(issuer: IssuerConfig, claims: Mapping[str, Any]) -> Token:
    tenant = issuer.tenant or _name(claims, issuer.tenant_claim)
    user = _name(claims, issuer.user_claim)
    principal = Principal(tenant, user, frozenset(_roles(issuer, claims)))
    credential = f"{issuer.issuer} {user}"
    expires_at = min(int(claims["exp"]), int(time.time()) + _LONGEST_LIFE)  # which may be beyond all floats
    return Token(principal, credential, expires_at + issuer.leeway)


def _name(claims: Mapping[str, Any], path: str) -> str:
    """The claim that names a tenant or a user.

    Raises:
        Unauthenticated: It is not there, or no name.
    """
    value = _at(claims, path)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise Unauthenticated(f"The token's claim '{path}' names nobody.")
    return value


def _roles(issuer: IssuerConfig, claims: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for path in issuer.role_claims:
        found += _words(_at(claims, path))
    for prefix, path in issuer.attribute_claims.items():
        found += [f"{prefix}:{word}" for word in _words(_at(claims, path))]
    return [role for role in found if len(role) <= _LONGEST_NAME and role.isprintable() and "," not in role][
        :_MOST_ROLES
    ]


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str) and word] if isinstance(value, list) else []


def _at(claims: Mapping[str, Any], path: str) -> object:
    """The claim of that name; or, where there is none, the one to which the dots lead."""
    if path in claims:
        return claims[path]
    here: object = claims
    for step in path.split("."):
        if not isinstance(here, dict):
            return None
        here = here.get(step)
    return here
