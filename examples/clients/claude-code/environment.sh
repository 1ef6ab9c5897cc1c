export ANTHROPIC_BASE_URL=@URL@
export ANTHROPIC_AUTH_TOKEN="$@KEY_ENV@"
export ANTHROPIC_MODEL=@MODEL@
# What it takes for small errands.
export ANTHROPIC_DEFAULT_HAIKU_MODEL=claude-haiku-4-5
# No telemetry, no look for updates.
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
