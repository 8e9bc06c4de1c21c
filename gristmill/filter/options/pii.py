"""Options of the masking of personal data."""

from __future__ import annotations

from pydantic import Field

from gristmill.options import Options

# FineWeb's own; the e-mail domains are reserved for examples (RFC 2606), the addresses answered no ping.
EMAILS = ("email@example.com", "firstname.lastname@example.org")
IPV4 = (
    "22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168",
)  # fmt: skip
IPV6 = tuple(f"2001:db8::{i}" for i in range(1, 7))  # reserved for documentation (RFC 3849)
_FINEWEB = "Source: FineWeb (arXiv 2406.17557), huggingface/datatrove PIIFormatter."


def _replacements(default: tuple[str, ...], what: str) -> tuple[str, ...]:
    field: tuple[str, ...] = Field(default=default, strict=False, min_length=1, description=what)
    return field


class PiiOptions(Options):
    """Which personal data is masked in documents that stay."""

    emails: bool = Field(default=True, description=f"Whether e-mail addresses are replaced. {_FINEWEB}")
    ips: bool = Field(
        default=True, description=f"Whether IP addresses are replaced; strict mode knows IPv6 too. {_FINEWEB}"
    )
    public_ips_only: bool = Field(
        default=True,
        description=f"Addresses of private and reserved networks name nobody, and stay. {_FINEWEB}",
    )
    phones: bool = Field(
        default=False,
        description="Whether telephone numbers are replaced that the numbering plans know (libphonenumber, by the "
        "extra `phones`). Strict mode only, like all that follow.",
    )
    phone_region: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}$",
        description="Country whose national numbers are found too, such as `US`; null takes only numbers that "
        "begin with + or 00.",
    )
    ibans: bool = Field(
        default=False,
        description="Whether bank account numbers (ISO 13616) are replaced: length of the country and check digits "
        "must be right.",
    )
    cards: bool = Field(
        default=False,
        description="Whether payment card numbers (ISO 7812) are replaced: issuer, length and check digit must be "
        "right.",
    )
    email_replacements: tuple[str, ...] = _replacements(
        EMAILS, f"What stands for an e-mail address. {_FINEWEB}"
    )
    ipv4_replacements: tuple[str, ...] = _replacements(IPV4, f"What stands for an IPv4 address. {_FINEWEB}")
    ipv6_replacements: tuple[str, ...] = _replacements(
        IPV6, "What stands for an IPv6 address: addresses for documentation (RFC 3849)."
    )
    phone_replacement: str = Field(default="[phone]", description="What stands for a telephone number.")
    iban_replacement: str = Field(default="[iban]", description="What stands for a bank account number.")
    card_replacement: str = Field(default="[card]", description="What stands for a card number.")
