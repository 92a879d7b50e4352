"""The shapes that issuers give their credentials, as one table. Whatever has one of them is a secret under any name.

Sources, 2026-11: the token formats that the issuers document, as collected in the rules of gitleaks
(github.com/gitleaks/gitleaks, config/gitleaks.toml) and the plugins of detect-secrets (github.com/Yelp/detect-secrets).
It is a table of our own because it must cost nothing at start-up and decide alike everywhere. A shape is looked for
only in texts that hold one of its anchors, which keeps large texts cheap. What is not in the table is judged by its
name and its randomness (`suspicion`), and by what stands around it (`texts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

ADDRESS = "an address with a password"

_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("an access key of AWS", ("AKIA", "ASIA", "ABIA", "ACCA"), r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    ("an API key of Amazon Bedrock", ("ABSKQm", "bedrock-api-key-"), r"\bABSKQm[A-Za-z0-9+/=]{20}|bedrock-api-key-\w{10}"),
    ("a private key", ("PRIVATE KEY",), r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    ("a private key", ("PuTTY-User-Key-File",), r"PuTTY-User-Key-File-\d"),
    ("a private key", ("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[A-Z0-9]{20}"),
    ("a token of GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36}"),
    ("a token of GitHub", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{22}"),
    ("a token of GitLab", ("glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-", "gloas-", "glwt-"), r"\b(?:glpat|gldt|glrt|glrtr|glcbt|glptt|glft|glimt|glagent|glsoat|gloas|glwt)-[\w.-]{16}"),
    ("a token of Slack", ("xox", "xapp-", "xwfp-"), r"\b(?:xox[abceoprs](?:\.xox[bp])?|xapp|xwfp)-[A-Za-z0-9-]{10}"),
    ("an address of a webhook", ("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows|triggers)/\w+"),
    ("an address of a webhook", ("discord",), r"discord(?:app)?\.com/api/webhooks/\d+/[\w-]+"),
    ("an address of a webhook", (".webhook.office.com",), r"\.webhook\.office\.com/webhookb2/\S+"),
    ("an address of a webhook", ("hooks.zapier.com",), r"hooks\.zapier\.com/hooks/catch/\S+"),
    ("a key of Stripe", ("_live_", "_test_"), r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16}"),
    ("a secret of a webhook", ("whsec_",), r"\bwhsec_[A-Za-z0-9+/=]{16}"),
    ("a key of Anthropic", ("sk-ant-",), r"\bsk-ant-[\w-]{20}"),
    ("a key of OpenAI", ("sk-",), r"\bsk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{32}"),
    ("a key of OpenRouter", ("sk-or-",), r"\bsk-or-v1-[0-9a-f]{32}"),
    ("a key of Google", ("AIza",), r"\bAIza[\w-]{35}"),
    ("a token of Google", ("ya29.",), r"\bya29\.[\w-]{20}"),
    ("a client secret of Google", ("GOCSPX-",), r"\bGOCSPX-[\w-]{20}"),
    ("a key of SendGrid", ("SG.",), r"\bSG\.[\w-]{16,}\.[\w-]{16}"),
    ("a key of Mailgun", ("key-",), r"\bkey-[0-9a-f]{32}\b"),
    ("a key of Mailchimp", ("-us",), r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    ("a key of Brevo", ("xkeysib-", "xsmtpsib-"), r"\bx(?:keysib|smtpsib)-[0-9a-f]{32}"),
    ("a key of Postmark or Resend", ("re_",), r"\bre_[A-Za-z0-9]{8,}_[A-Za-z0-9]{16}"),
    ("a key of Twilio", ("SK",), r"\bSK[0-9a-f]{32}\b"),
    ("a token of npm", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}"),
    ("a token of PyPI", ("pypi-",), r"\bpypi-[\w-]{32}"),
    ("a token of RubyGems", ("rubygems_",), r"\brubygems_[0-9a-f]{32}"),
    ("a token of Docker", ("dckr_",), r"\bdckr_(?:pat|oat)_[\w-]{20}"),
    ("a token of DigitalOcean", ("dop_v1_", "doo_v1_", "dor_v1_"), r"\bdo[por]_v1_[0-9a-f]{32}"),
    ("a key of Heroku", ("HRKU-",), r"\bHRKU-[\w-]{20}"),
    ("a token of Vault", ("hvs.", "hvb.", "hvr."), r"\bhv[sbr]\.[\w-]{20}"),
    ("a token of HCP Terraform", (".atlasv1.",), r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40}"),
    ("a token of Databricks", ("dapi",), r"\bdapi[0-9a-f]{32}"),
    ("a token of Shopify", ("shpat_", "shpss_", "shpca_", "shppa_", "shpua_"), r"\bshp(?:at|ss|ca|pa|ua)_[0-9a-fA-F]{32}"),
    ("a token of Square", ("sq0",), r"\bsq0(?:atp|csp|idp)-[\w-]{22}"),
    ("a token of PlanetScale", ("pscale_",), r"\bpscale_(?:tkn|pw|oauth)_[\w.-]{20}"),
    ("a token of Linear", ("lin_",), r"\blin_(?:api|oauth)_[A-Za-z0-9]{32}"),
    ("a token of Notion", ("ntn_",), r"\bntn_[A-Za-z0-9]{32}"),
    ("a token of Notion", ("secret_",), r"\bsecret_[A-Za-z0-9]{43}\b"),
    ("a token of Figma", ("figd_",), r"\bfigd_[\w-]{32}"),
    ("a token of Grafana", ("glsa_", "glc_"), r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32}"),
    ("a key of New Relic", ("NRAK-", "NRII-", "NRJS-", "NRAL"), r"\bNR(?:AK-|II-|JS-)[\w-]{16}|\w{36}NRAL\b"),
    ("a token of Sentry", ("sntry",), r"\bsntry[su]_[A-Za-z0-9+/=_]{32}"),
    ("a token of Atlassian", ("ATATT3", "ATCTT3", "ATBB"), r"\b(?:AT[AC]TT3[\w=-]{32}|ATBB[A-Za-z0-9]{24,})"),
    ("a token of Hugging Face", ("hf_", "api_org_"), r"\b(?:hf|api_org)_[A-Za-z0-9]{34}"),
    ("a token of Doppler", ("dp.",), r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{32}"),
    ("a token of Fly.io", ("fo1_", "fm1r_", "fm2_", "FlyV1"), r"\bFlyV1 \S+|\b(?:fo1_|fm1[ar]_|fm2_)[\w+/=-]{32}"),
    ("a key of Postman", ("PMAK-",), r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{20}"),
    ("a token of Pulumi", ("pul-",), r"\bpul-[0-9a-f]{40}"),
    ("a token of Supabase", ("sbp_", "sb_secret_"), r"\b(?:sbp_[0-9a-f]{32}|sb_secret_[\w-]{16})"),
    ("a token of 1Password", ("ops_ey",), r"\bops_ey[\w-]{40}"),
    ("a token of Dynatrace", ("dt0",), r"\bdt0[a-z]\d\d\.[A-Z0-9]{8,}\.[A-Z0-9]{32}"),
    ("a token of Airtable", ("pat",), r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{32}"),
    ("a token of Prefect or Buildkite", ("pnu_", "bkua_"), r"\b(?:pnu|bkua)_[A-Za-z0-9]{32}"),
    ("a key of Cloudflare", ("v1.0-",), r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{100}"),
    ("a token of Telegram", (":AA",), r"(?:\b|bot)\d{8,10}:AA[\w-]{32}"),
    ("a token of Facebook", ("EAA",), r"\bEAA[A-Za-z0-9]{60}"),
    ("a key of Artifactory", ("AKC",), r"\bAKC[A-Za-z0-9]{30}"),
    ("a token of Tailscale", ("tskey-",), r"\btskey-[a-z]+-[\w-]{16}"),
    ("a token of LaunchDarkly", ("api-", "sdk-"), r"\b(?:api|sdk)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("a key of Groq", ("gsk_",), r"\bgsk_[A-Za-z0-9]{40}"),
    ("a key of xAI", ("xai-",), r"\bxai-[A-Za-z0-9]{60}"),
    ("a key of Perplexity", ("pplx-",), r"\bpplx-[A-Za-z0-9]{40}"),
    ("a token of Replicate", ("r8_",), r"\br8_[A-Za-z0-9]{37}"),
    ("a key of LangSmith", ("lsv2_",), r"\blsv2_(?:pt|sk)_[0-9a-f]{32}"),
    ("a token of PostHog", ("phx_",), r"\bphx_[A-Za-z0-9]{40}"),
    ("a key of NVIDIA", ("nvapi-",), r"\bnvapi-[\w-]{60}"),
    ("a key of Render", ("rnd_",), r"\brnd_[A-Za-z0-9]{28}"),
    ("a token of Netlify", ("nfp_",), r"\bnfp_[A-Za-z0-9]{36}"),
    ("a token of Snyk", ("snyk_",), r"\bsnyk_(?:uat|sat)\.[\w.-]{20}"),
    ("a token of Sourcegraph", ("sgp_",), r"\bsgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}"),
    ("a token of CircleCI", ("CCIPAT_", "CCIPRJ_"), r"\bCCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[0-9a-f]{40}"),
    ("a secret of MongoDB Atlas", ("mdb_sa_sk_",), r"\bmdb_sa_sk_[\w-]{30}"),
    ("a key of Neon", ("napi_",), r"\bnapi_[a-z0-9]{50}"),
    ("a key of Amazon MWS", ("amzn.mws.",), r"\bamzn\.mws\.[0-9a-f]{8}-[0-9a-f]{4}-"),
    ("a session token of AWS", ("IQoJb3JpZ2lu", "FwoGZXIvYXdz"), r"\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9+/=]{40}"),
    ("a key of 1Password", ("A3-",), r"\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}\b"),
    ("a secret of Adobe", ("p8e-",), r"\bp8e-[A-Za-z0-9_-]{32}"),
    ("an access key of Alibaba", ("LTAI",), r"\bLTAI[A-Za-z0-9]{20}\b"),
    ("a token of Clojars", ("CLOJARS_",), r"\bCLOJARS_[A-Za-z0-9]{60}"),
    ("a token of a Docker swarm", ("SWMTKN-",), r"\bSWMTKN-\d-[0-9a-z]{40,50}-[0-9a-z]{25}"),
    ("a token of Duffel", ("duffel_",), r"\bduffel_(?:live|test)_[\w=-]{40}"),
    ("a token of EasyPost", ("EZAK", "EZTK"), r"\bEZ[AT]K[A-Za-z0-9]{54}"),
    ("a key of Flutterwave", ("FLWSECK",), r"\bFLWSECK(?:_TEST)?-[0-9a-zA-Z]{32}"),
    ("a key of Lob", ("live_", "test_"), r"\b(?:live|test)_[0-9a-f]{35}\b"),
    ("a key of Octopus Deploy", ("API-",), r"\bAPI-[A-Z0-9]{26}\b"),
    ("a token of OpenShift", ("sha256~",), r"\bsha256~[\w-]{43}"),
    ("a key of Paddle", ("apikey_",), r"\bpdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}"),
    ("a token of Plaid", ("access-",), r"\baccess-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("a token of ReadMe", ("rdme_",), r"\brdme_[a-z0-9]{70}"),
    ("a token of Shippo", ("shippo_",), r"\bshippo_(?:live|test)_[0-9a-fA-F]{40}"),
    ("a token of SonarQube", ("squ_", "sqp_", "sqa_"), r"\bsq[upa]_[a-z0-9]{40}"),
    ("a token of Typeform", ("tfp_",), r"\btfp_[\w.=-]{40}"),
    ("a token of HubSpot", ("pat-na1-", "pat-eu1-"), r"\bpat-(?:na|eu)1-[0-9a-f]{8}-[0-9a-f]{4}-"),
    ("a JSON Web Token", ("eyJ", "ewo"), r"\b(?:eyJ|ewo)[\w-]{8,}\.(?:eyJ|ewo)?[\w-]{4,}\.[\w-]*"),
    ("a key of Azure", ("AccountKey", "SharedAccessKey", "SharedAccessSignature"),
     r"(?:AccountKey|SharedAccessKey|SharedAccessSignature)\s*=\s*[^\s;]{8}"),
    ("a signed address", ("X-Amz-Signature", "X-Amz-Security-Token", "X-Goog-Signature"), r"X-(?:Amz|Goog)-(?:Signature|Security-Token)=\w"),
    ("a signed address", ("sig=",), r"[?&]sig=[\w%+/-]{16}"),
    ("the hash of a password", ("$2", "$apr1$", "$1$", "$5$", "$6$", "$argon2", "$y$j"), r"\$(?:2[abxy]?\$\d\d\$[./A-Za-z0-9]{50}|apr1\$|[156]\$(?:rounds=\d+\$)?[./A-Za-z0-9]{2,16}\$[./A-Za-z0-9]{20}|argon2(?:id|i|d)\$|y\$j)"),
    ("a verifier of a password", ("SCRAM-SHA-256$",), r"SCRAM-SHA-256\$\d+:\S+"),
    (ADDRESS, ("://",), r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"<>?#]*:(?!\$\{[\w:.]+\}@|\$\(?[A-Z_]+\)?@|\(secret|\{\{resolve:|\*{3,}@|<[\w -]+>@)[^\s/@]+@"),
)  # fmt: skip


_ANCHOR = re.compile("|".join(sorted({re.escape(each) for _, anchors, _ in _SHAPES for each in anchors})))


def credentials(text: str) -> Iterator[tuple[int, str]]:
    """Yield where in a text a credential of each kind begins for the first time, and the kind, in no order."""
    if not _ANCHOR.search(text):
        return
    for kind, anchors, shape in _SHAPES:
        for anchor in anchors:
            if anchor in text:
                if found := _compiled(shape).search(text):
                    yield found.start(), kind
                break


@cache
def _compiled(shape: str) -> re.Pattern[str]:
    """Return a shape, compiled when a text first holds one of its anchors: to compile all of them costs 25 ms."""
    return re.compile(shape)
