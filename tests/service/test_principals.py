"""Principals: what a key reaches, what it may see, and who is not let in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.events import ScopeKey
from firewall.errors import CallerError
from firewall.service.principals import ADMIN, ADMIN_PREFIX, LOCAL, Principal, Principals, digest_of

TEAM = Principal(name="team", tenant="acme", scopes=("checkout", "billing"))
names = st.sampled_from(["acme", "globex", "default", "checkout", "billing", "*", ""])


@pytest.mark.parametrize(
    ("tenant", "scope", "want"),
    [
        (None, None, ("acme", "checkout")),
        ("", "", ("acme", "checkout")),
        ("acme", None, ("acme", "checkout")),
        (None, "billing", ("acme", "billing")),
        ("acme", "billing", ("acme", "billing")),
        ("globex", None, None),
        (None, "payroll", None),
        ("acme", "*", None),
        ("*", None, None),
    ],
)
def test_what_a_request_reaches(tenant: str | None, scope: str | None, want: tuple[str, str] | None) -> None:
    """What is named if it is ours, home where nothing is named, 403 for the rest."""
    if want is not None:
        assert TEAM.reach(tenant, scope) == ScopeKey(*want)
        return
    with pytest.raises(CallerError) as caught:
        TEAM.reach(tenant, scope)
    assert (caught.value.status, caught.value.code) == (403, "scope_denied")


@pytest.mark.parametrize("name", ["\udcff\udcfe", "check\ud800out"])
def test_a_name_that_is_no_text(name: str) -> None:
    """Bytes of a header that are no UTF-8: 400 for everybody, because nothing could be recorded under such a name."""
    assert LOCAL.reach("größe", "ключ") == ScopeKey("größe", "ключ")
    for tenant, scope in ((name, None), (None, name)):
        with pytest.raises(CallerError) as caught:
            LOCAL.reach(tenant, scope)
        assert (caught.value.status, caught.value.code) == (400, "invalid_text")


@given(tenant=names, scope=names)
def test_what_is_reached_may_be_seen(tenant: str, scope: str) -> None:
    """A principal never reaches what it may not see, whoever it is."""
    for principal in (TEAM, LOCAL, Principal(name="a", tenant="globex", scopes=("*",))):
        try:
            key = principal.reach(tenant, scope)
        except CallerError:
            continue
        assert principal.may_see(key)


def test_who_sees_a_decision() -> None:
    """Own tenant and own scopes; the local set-up sees all."""
    assert TEAM.may_see(ScopeKey("acme", "billing"))
    assert not TEAM.may_see(ScopeKey("acme", "payroll"))
    assert not TEAM.may_see(ScopeKey("globex", "billing"))
    assert LOCAL.may_see(ScopeKey("globex", "anything"))
    assert LOCAL.reach(None, None) == ScopeKey("default", "default")


def test_without_principals_everyone_is_local() -> None:
    """Keyless: with any key and with none it is the local principal, which administers nothing."""
    nobody = Principals([])
    assert nobody.resolve(None, native=True) is LOCAL
    assert nobody.resolve("anything", native=False) is LOCAL
    assert LOCAL.role == "host"


@pytest.mark.parametrize(
    ("key", "native", "status"),
    [
        (None, True, 401),
        ("", False, 401),
        ("k-other", False, 403),
        ("k-team ", False, 403),
        ("K-TEAM", False, 403),
        ("k-vendor", True, 403),
        ("k\ud800", True, 403),
    ],
)
def test_who_is_not_let_in(key: str | None, status: int, *, native: bool) -> None:
    """401 without a key; 403 for an unknown one, and at the native door for an upstream's own."""
    vendor = Principal(name="vendor", native=False)
    principals = Principals([(digest_of("k-team"), TEAM), (digest_of("k-vendor"), vendor)])
    with pytest.raises(CallerError) as caught:
        principals.resolve(key, native=native)
    assert caught.value.status == status
    assert "k-" not in caught.value.message
    assert principals.resolve("k-team", native=True) is TEAM
    assert principals.resolve("k-vendor", native=False) is vendor


def test_keys_are_held_as_digests() -> None:
    """Nothing that shows a principals' table shows a key."""
    principals = Principals([(digest_of("k-very-secret"), TEAM)])
    assert "k-very-secret" not in repr(vars(principals))
    assert digest_of("k-very-secret") in next(iter(vars(principals).values()))


def test_the_admin_token_counts_without_principals_only() -> None:
    """It opens both doors as admin; anything else stays local, and with principals it is an unknown key."""
    token = f"{ADMIN_PREFIX}token"
    keyless = Principals([], admin_digest=digest_of(token))
    for native in (True, False):
        assert keyless.resolve(token, native=native) is ADMIN
        for other in (
            None,
            "",
            "m0-somebody",
            ADMIN_PREFIX,
            token + "x",
            token[:-1],
            f"{ADMIN_PREFIX}\ud800",
        ):
            assert keyless.resolve(other, native=native) is LOCAL
    assert Principals([]).resolve(token, native=True) is LOCAL
    keyed = Principals([(digest_of("k-team"), TEAM)], admin_digest=digest_of(token))
    with pytest.raises(CallerError) as caught:
        keyed.resolve(token, native=True)
    assert caught.value.status == 403
    assert (ADMIN.role, ADMIN.native, ADMIN.may_see(ScopeKey("any", "where"))) == ("admin", True, True)
