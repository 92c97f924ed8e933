"""Bearer tokens: the good ones are taken, and no other."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from issuer import Issuer

from dinrail_access import jwks
from dinrail_core.api.call import Principal
from dinrail_core.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from conftest import MakeReader


def raw(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token made by hand; without a secret, without a signature."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    signature = b"" if secret is None else hmac.digest(secret, signed, hashlib.sha256)
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


# --- good ones


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "EdDSA"])
async def test_a_token_says_who_calls(issuer: Issuer, reader_of: MakeReader, algorithm: str) -> None:
    issuer.add_key("k2", algorithm)
    reader = await reader_of(algorithms=[algorithm])
    token = await reader.read(issuer.token("k2", roles=["admin"], groups=["a", "b"]))
    assert token.principal == Principal("acme", "ann", frozenset({"admin", "a", "b"}))
    assert token.credential == f"{issuer.url} ann"
    assert time.time() + 300 < token.expires_at < time.time() + 340
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_where_the_keys_are_can_be_configured(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of(jwks_url=f"{issuer.url}/keys")
    await reader.read(issuer.token())
    await reader.read(issuer.token(sub="bob"))
    assert issuer.asked == ["/keys"]


async def test_claims_become_tenant_user_and_roles_as_configured(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of(
        tenant_claim="org.id",
        user_claim="email",
        role_claims=["realm_access.roles", "scope", "https://acme.example/roles", "missing", "odd"],
        attribute_claims={"team": "teams"},
    )
    claims: dict[str, Any] = {"https://acme.example/roles": ["u"]}
    token = issuer.token(
        org={"id": "acme"},
        email="ann@example.com",
        realm_access={"roles": ["r1", "with,comma", "line\nbreak", 7, "x" * 201]},
        scope="s1 s2",
        odd={"not": "roles"},
        teams=["red"],
        **claims,
    )
    roles = frozenset({"r1", "s1", "s2", "u", "team:red"})
    assert (await reader.read(token)).principal == Principal("acme", "ann@example.com", roles)


async def test_an_issuer_can_stand_for_one_tenant(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of(tenant="one")
    assert (await reader.read(issuer.token(tenant="another"))).principal.tenant == "one"


async def test_clocks_may_differ_a_little(issuer: Issuer, reader_of: MakeReader) -> None:
    reader, now = await reader_of(leeway=30), int(time.time())
    await reader.read(issuer.token(exp=now - 20))
    await reader.read(issuer.token(nbf=now + 20, iat=now + 20))
    strict = await reader_of(leeway=0)
    with pytest.raises(Unauthenticated):
        await strict.read(issuer.token(exp=now - 20))


# --- bad ones


@pytest.mark.parametrize(
    ("claims", "complaint"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": None}, "claim 'exp'"),
        ({"exp": "never"}, "not valid"),
        ({"nbf": 2**33}, "not valid yet"),
        ({"iat": 2**33}, "not valid yet"),
        ({"aud": "somebody-else"}, "for somebody else"),
        ({"aud": []}, "claim 'aud'"),
        ({"aud": None}, "claim 'aud'"),
        ({"iss": "https://evil.example"}, "issuer that this server does not know"),
        ({"iss": None}, "issuer that this server does not know"),
        ({"tenant": None}, "'tenant' names nobody"),
        ({"tenant": ""}, "'tenant' names nobody"),
        ({"tenant": "a\nb"}, "'tenant' names nobody"),
        ({"tenant": "a\x00"}, "'tenant' names nobody"),
        ({"tenant": ["acme"]}, "'tenant' names nobody"),
        ({"tenant": "x" * 201}, "'tenant' names nobody"),
        ({"sub": None}, "'sub' names nobody"),
    ],
)
async def test_claims_that_are_wrong_are_refused(
    issuer: Issuer, reader_of: MakeReader, claims: dict[str, Any], complaint: str
) -> None:
    reader = await reader_of()
    with pytest.raises(Unauthenticated, match=complaint):
        await reader.read(issuer.token(**claims))


@pytest.mark.parametrize("moment", [10**15, 10**400])
async def test_an_expiry_beyond_all_clocks_is_no_reason_to_fail(
    issuer: Issuer, reader_of: MakeReader, moment: int
) -> None:
    reader = await reader_of()
    assert (await reader.read(issuer.token(exp=moment))).expires_at < time.time() + 2**31


async def test_a_token_without_a_signature_is_refused(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of()
    for algorithm in ("none", "None", "NONE", "", None, 7, ["RS256"]):
        with pytest.raises(Unauthenticated):
            await reader.read(raw({"alg": algorithm, "kid": "k1"}, issuer.claims()))
    head, body, _ = issuer.token().split(".")
    with pytest.raises(Unauthenticated):
        await reader.read(f"{head}.{body}.")


async def test_the_public_key_is_no_shared_secret(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of()
    jwk = json.dumps(issuer.published[0]).encode()
    for secret in (issuer.public_pem("k1"), issuer.public_pem("k1").strip(), jwk, b""):
        for algorithm in ("HS256", "RS256"):
            with pytest.raises(Unauthenticated):
                await reader.read(raw({"alg": algorithm, "kid": "k1"}, issuer.claims(), secret))


async def test_a_shared_secret_that_the_issuer_publishes_is_no_key(issuer: Issuer, reader_of: MakeReader) -> None:
    secret = b"x" * 32
    issuer.published = [{"kty": "oct", "k": base64.urlsafe_b64encode(secret).decode(), "kid": "k1"}]
    reader = await reader_of()
    for algorithm in ("HS256", "RS256"):
        with pytest.raises(Unauthenticated):
            await reader.read(raw({"alg": algorithm, "kid": "k1"}, issuer.claims(), secret))


async def test_a_key_is_used_for_what_it_is_for(issuer: Issuer, reader_of: MakeReader) -> None:
    issuer.add_key("for-encryption", use="enc")
    issuer.add_key("curve", "ES256")
    issuer.add_key("other-curve", "ES384")
    reader = await reader_of(algorithms=["RS256", "RS512", "ES256"])
    for token in (
        issuer.token("for-encryption"),
        issuer.token(headers={"alg": "RS512"}),
        issuer.token(headers={"kid": "curve"}),
        issuer.token("other-curve", headers={"alg": "ES256"}),
        issuer.token("other-curve"),
    ):
        with pytest.raises(Unauthenticated):
            await reader.read(token)


async def test_keys_that_a_token_brings_along_are_not_looked_at(issuer: Issuer, reader_of: MakeReader) -> None:
    issuer.add_key("mine", publish=False)
    own = {**issuer.published[0], "n": "x"}
    async with Issuer.open(first=50) as evil:
        evil.add_key("k1")
        for headers in (
            {"jwk": own},
            {"jku": f"{evil.url}/keys"},
            {"x5u": f"{evil.url}/keys"},
            {"kid": f"{evil.url}/keys"},
            {"crit": ["b64"], "b64": False},
        ):
            reader = await reader_of()
            with pytest.raises(Unauthenticated):
                await reader.read(issuer.token("mine", headers=headers))
        assert evil.asked == []


@pytest.mark.parametrize(
    "kid", ["../../../dev/null", "' OR 1=1 --", "k1\x00", "", "K1", "x" * 5000, 7, ["k1"], {"a": 1}, None, "${jndi:x}"]
)
async def test_a_made_up_name_of_a_key_leads_nowhere(issuer: Issuer, reader_of: MakeReader, kid: object) -> None:
    issuer.add_key("mine", publish=False)
    issuer.add_key("k2")
    reader = await reader_of()
    with pytest.raises(Unauthenticated):
        await reader.read(issuer.token("mine", headers={"kid": kid}))


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "a.b.c.d.e", "é.é.é", "..", "e30.e30.", "eyJhbGciOiJSUzI1NiJ9.W10.", "x" * 20_000],
)
async def test_what_is_no_token_is_refused(reader_of: MakeReader, issuer: Issuer, token: str) -> None:
    reader = await reader_of()
    with pytest.raises(Unauthenticated):
        await reader.read(token)
    assert issuer.asked == [], "and costs the issuer nothing"


async def test_claims_nested_without_end_are_refused(reader_of: MakeReader) -> None:
    reader = await reader_of()
    deep = base64.urlsafe_b64encode(b"[" * 9000).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        await reader.read(f"e30.{deep}.")


async def test_a_changed_token_is_refused(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of()
    head, _, signature = issuer.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(issuer.claims(sub="root")).encode()).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated, match="not valid"):
        await reader.read(f"{head}.{claims}.{signature}")


# --- keys that change, and an issuer that is away


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_PAUSE", 0.0)


@pytest.mark.usefixtures("no_pause")
async def test_new_keys_are_found_and_old_ones_forgotten(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of()
    old = issuer.token()
    await reader.read(old)
    issuer.published.clear()
    issuer.add_key("k2")
    await reader.read(issuer.token("k2"))
    with pytest.raises(Unauthenticated):
        await reader.read(old)


async def test_made_up_keys_do_not_make_us_ask_again_and_again(issuer: Issuer, reader_of: MakeReader) -> None:
    issuer.add_key("mine", publish=False)
    reader = await reader_of(jwks_url=f"{issuer.url}/keys")
    tokens = [issuer.token("mine", headers={"kid": f"made-up-{n}"}) for n in range(50)]
    outcomes = await asyncio.gather(*(reader.read(token) for token in tokens), return_exceptions=True)
    assert all(isinstance(outcome, Unauthenticated) for outcome in outcomes)
    assert issuer.asked == ["/keys"]


@pytest.mark.usefixtures("no_pause")
async def test_while_the_issuer_is_away_its_last_keys_count(
    issuer: Issuer, reader_of: MakeReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await reader_of()
    await reader.read(issuer.token())
    issuer.up = False
    monkeypatch.setattr(jwks, "_FRESH", 0.0)
    for _ in range(3):
        await reader.read(issuer.token())
    issuer.add_key("k2")
    with pytest.raises(Unauthenticated):
        await reader.read(issuer.token("k2"))
    issuer.up = True
    await reader.read(issuer.token("k2"))


@pytest.mark.usefixtures("no_pause")
async def test_without_any_keys_tokens_cannot_be_checked_at_present(issuer: Issuer, reader_of: MakeReader) -> None:
    issuer.up = False
    reader = await reader_of()
    with pytest.raises(Unavailable) as refusal:
        await reader.read(issuer.token())
    assert issuer.url in refusal.value.message
    issuer.up = True
    await reader.read(issuer.token())


async def test_those_who_come_while_the_keys_are_fetched_wait_for_the_one_answer(
    issuer: Issuer, reader_of: MakeReader
) -> None:
    reader = await reader_of()
    await asyncio.gather(*(reader.read(issuer.token(sub=f"u{n}")) for n in range(20)))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"keys": 7}', b'{"keys": [7, {"kty": "RSA", "kid": "k1"}]}', b"[" * 2_000_000]
)
async def test_what_is_no_jwks_gives_no_keys(issuer: Issuer, reader_of: MakeReader, body: bytes) -> None:
    issuer.body = body
    reader = await reader_of()
    with pytest.raises((Unavailable, Unauthenticated)):
        await reader.read(issuer.token())


async def test_a_discovery_that_speaks_for_another_issuer_is_not_believed(
    issuer: Issuer, reader_of: MakeReader
) -> None:
    issuer.discovery = {"issuer": "https://other.example", "jwks_uri": f"{issuer.url}/keys"}
    reader = await reader_of()
    with pytest.raises(Unavailable):
        await reader.read(issuer.token())


async def test_a_redirect_is_not_followed(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of(jwks_url=f"{issuer.url}/elsewhere")
    with pytest.raises(Unavailable):
        await reader.read(issuer.token())
    assert issuer.asked == ["/elsewhere"]


async def test_a_token_that_names_no_key_is_checked_with_the_only_one(issuer: Issuer, reader_of: MakeReader) -> None:
    reader = await reader_of()
    head, claims, _ = issuer.token().split(".")
    assert claims
    nameless = issuer.token(without_kid=True)
    assert nameless.split(".")[0] != head
    await reader.read(nameless)
    issuer.add_key("k2")
    with pytest.raises(Unauthenticated):
        await (await reader_of()).read(issuer.token(without_kid=True))
