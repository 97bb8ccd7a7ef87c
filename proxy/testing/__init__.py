"""The conformance kit: what every provider has to keep, held against its recorded or written exchanges.

For those who write a provider, in this distribution or in another. It needs no network and no test framework. All of it
in one line, which raises AssertionError with a sentence for each problem:

    conforms(Acme(AcmeSettings(), "acme"), EXCHANGES)

As one test for each check:

    @pytest.mark.parametrize("check", checks(PROVIDER, EXCHANGES), ids=str)
    def test_the_provider_conforms(check: Check) -> None:
        assert check.run() == []
"""

from proxy.testing.exchange import Exchange, ExpectedCall
from proxy.testing.kit import checks, conforms, problems
from proxy.testing.problem import Check, Problem

__all__ = ["Check", "Exchange", "ExpectedCall", "Problem", "checks", "conforms", "problems"]
