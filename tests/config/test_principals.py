"""Principals as settings: their keys as digests, and what each may take."""

from hashlib import sha256
from pathlib import Path

import pytest

from firewall.config import Config, PrincipalLimits, load_config
from firewall.errors import ConfigError

KEY = "a-key-of-somebody"
DIGEST = sha256(KEY.encode()).hexdigest()


def loaded(tmp_path: Path, text: str, **environ: str) -> Config:
    path = tmp_path / "memfw.yaml"
    path.write_text(text)
    return load_config(path, environ)


def problems_of(tmp_path: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **environ)
    return [str(problem).removeprefix(f"{tmp_path}/memfw.yaml:") for problem in caught.value.problems]


def test_a_key_and_its_digest_are_the_same(tmp_path: Path) -> None:
    """No clear key is needed anywhere, and none is kept."""
    named = loaded(tmp_path, "principals: [{name: a, key: 'env:A'}]", A=KEY)
    hashed = loaded(tmp_path, f"principals: [{{name: a, key_sha256: '{DIGEST.upper()}'}}]")
    for config in (named, hashed):
        assert config.principals[0].digest == sha256(KEY.encode()).digest()
        assert KEY not in f"{config!r}{vars(config.principals[0])}{config.principals[0].key}"
    secret = named.principals[0].key
    assert secret is not None
    assert secret.get_secret_value() == DIGEST


@pytest.mark.parametrize(
    ("principals", "problem"),
    [
        ("[{name: a}]", "needs one of `key` and `key_sha256`"),
        (f"[{{name: a, key: 'env:A', key_sha256: '{DIGEST}'}}]", "needs one of `key` and `key_sha256`"),
        ("[{name: a, key_sha256: 'abc'}]", "principals[0].key_sha256"),
        (f"[{{name: a, key_sha256: '{DIGEST[1:]}g'}}]", "principals[0].key_sha256"),
        (
            f"[{{name: a, key: 'env:A'}}, {{name: b, key_sha256: '{DIGEST}'}}]",
            "principals[1].key_sha256: is another principal's key too",
        ),
        (
            "[{name: a, key: 'env:A'}, {name: b, key: 'env:A'}]",
            "principals[1].key: is another principal's key too",
        ),
    ],
)
def test_keys_that_cannot_be(tmp_path: Path, principals: str, problem: str) -> None:
    """Exactly one key each, and no two with the same."""
    (found,) = problems_of(tmp_path, f"principals: {principals}", A=KEY)
    assert problem in found
    assert KEY not in found


def effective(config: Config) -> list[tuple[float | None, int | None, int | None]]:
    limits = [principal.limits.over(config.limits.per_principal) for principal in config.principals]
    return [(limit.requests_per_second, limit.burst, limit.concurrency) for limit in limits]


def test_limits_over_the_default(tmp_path: Path) -> None:
    """What is not said is the default's; null lifts it; a rate brings its own burst."""
    text = f"""\
limits: {{per_principal: {{requests_per_second: 10, burst: 30, concurrency: 4}}}}
principals:
- {{name: a, key_sha256: "{"a" * 64}"}}
- {{name: b, key_sha256: "{"b" * 64}", limits: {{concurrency: 8}}}}
- {{name: c, key_sha256: "{"c" * 64}", limits: {{requests_per_second: 5}}}}
- {{name: d, key_sha256: "{"d" * 64}", limits: {{requests_per_second: null, concurrency: null}}}}
- {{name: e, key_sha256: "{"e" * 64}", limits: {{burst: 50}}}}
"""
    assert effective(loaded(tmp_path, text)) == [
        (10, 30, 4),
        (10, 30, 8),
        (5, None, 4),
        (None, None, None),
        (10, 50, 4),
    ]
    assert effective(loaded(tmp_path, f"principals: [{{name: a, key_sha256: '{DIGEST}'}}]")) == [
        (None, None, None)
    ]
    assert PrincipalLimits().over(PrincipalLimits()) == PrincipalLimits()


def test_a_burst_alone_limits_nothing(tmp_path: Path) -> None:
    """Somebody meant a rate."""
    text = f"limits: {{per_principal: {{burst: 3}}}}\nprincipals: [{{name: a, key_sha256: '{DIGEST}', limits: {{burst: 3}}}}]"
    found = problems_of(tmp_path, text)
    assert [problem.partition(": ")[2] for problem in found] == [
        "limits.per_principal.burst: limits nothing without `requests_per_second`",
        "principals[0].limits.burst: limits nothing without `requests_per_second`",
    ]


@pytest.mark.parametrize(
    "limits",
    ["{requests_per_second: 0}", "{burst: 0, requests_per_second: 1}", "{concurrency: 0}", "{rate: 1}"],
)
def test_limits_that_cannot_be(tmp_path: Path, limits: str) -> None:
    """Nothing at all is no limit but a closed door."""
    assert len(problems_of(tmp_path, f"limits: {{per_principal: {limits}}}")) == 1
