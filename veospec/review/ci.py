"""What `init --ci` writes: a preview for every pull request, one comment, and a paid run that a person starts.

Why three workflows and not one. A pull request is a stranger's storyboard: its job has no secret, no token that
writes, and draws with `local` only. The comment is written by a second workflow that runs the target branch's own
text and treats the first one's result as hostile bytes. Paid work starts by hand, on a protected branch, behind an
environment with reviewers, with a ceiling, and on a runner whose disk keeps the journal, because a journal that is
lost in the middle of a run may mean paying twice.

Source: GitHub Security Lab, "Preventing pwn requests"; GitHub Docs, security hardening for Actions, 2026. The
commits are those that the tags in the comments named in public workflows in 2026; `zizmor` checks the rest.
"""

from __future__ import annotations

import json
from posixpath import dirname, join
from textwrap import indent

from veospec.errors import UsageError

PREVIEW_WORKFLOW = ".github/workflows/veospec.yml"
COMMENT_WORKFLOW = ".github/workflows/veospec-comment.yml"
APPLY_WORKFLOW = ".github/workflows/veospec-apply.yml"
ACTION = ".github/actions/preview/action.yml"
GITLAB = "veospec.gitlab-ci.yml"

_CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
_PYTHON = "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0"
_UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2"
_DOWNLOAD = "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0"


def github_files(spec: str, version: str) -> dict[str, str]:
    """Return the workflows by path; `spec` is relative to the repository, `version` the one that is installed."""
    values = {"SPEC": _quoted(spec), "VERSION": version}
    return {
        PREVIEW_WORKFLOW: _filled(_PREVIEW, values, STEPS=indent(preview_steps(_quoted(spec)), " " * 6)),
        COMMENT_WORKFLOW: _filled(_COMMENT, values),
        APPLY_WORKFLOW: _filled(_APPLY, values),
    }


def preview_action() -> str:
    """Return `action.yml` of the composite action: the very steps of the workflow, with `spec` as its input."""
    return _filled(_ACTION, {}, STEPS=indent(preview_steps("${{ inputs.spec }}"), " " * 4))


def gitlab_files(spec: str, version: str) -> dict[str, str]:
    """Return the file to `include:` from `.gitlab-ci.yml`."""
    folder = dirname(spec) or "."
    values = {"SPEC": _quoted(spec), "VERSION": version, "OUT": _quoted(join(folder, "out"))}
    return {GITLAB: _filled(_GITLAB, values)}


def preview_steps(spec: str) -> str:
    """Return the steps from check to artefact; `spec` is a YAML text or an expression, `veospec` on the path."""
    return _filled(_STEPS, {"SPEC": spec})


def _filled(text: str, values: dict[str, str], **blocks: str) -> str:
    pins = {"CHECKOUT": _CHECKOUT, "PYTHON": _PYTHON, "UPLOAD": _UPLOAD, "DOWNLOAD": _DOWNLOAD}
    for name, value in {**blocks, **pins, **values}.items():
        text = text.replace(f"<<{name}>>\n" if name in blocks else f"<<{name}>>", value)
    return text


def _quoted(path: str) -> str:
    """Return a path as a YAML text that no expression can hide in."""
    if "${{" in path or not path.isprintable() or path.startswith("-"):
        raise UsageError(f"{path!r} cannot be named in a workflow", "give the storyboard a plain path")
    return json.dumps(path, ensure_ascii=False)


_STEPS = """\
- name: Check the storyboard
  shell: bash
  env:
    SPEC: <<SPEC>>
  run: veospec validate "$SPEC" --format github
- name: Plan
  shell: bash
  env:
    SPEC: <<SPEC>>
  run: |
    code=0
    veospec plan "$SPEC" --exit-code || code=$?
    # 0: nothing to do. 4: changes pending, which is what a pull request is for. Anything else is a failure.
    [ "$code" -eq 0 ] || [ "$code" -eq 4 ]
- name: Write the comment
  if: always()
  shell: bash
  env:
    SPEC: <<SPEC>>
  run: |
    folder=$(dirname "$SPEC")
    mkdir -p "$RUNNER_TEMP/veospec"
    # The first parent of the merge commit is the target branch.
    base=()
    if git show "HEAD^1:./$folder/out/manifest.json" > "$RUNNER_TEMP/veospec-base.json" 2> /dev/null; then
      base=(--base "$RUNNER_TEMP/veospec-base.json")
    fi
    run="$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID"
    veospec comment "$SPEC" "${base[@]}" --run-url "$run" --page-url "$run#artifacts" \\
      -o "$RUNNER_TEMP/veospec/comment.md"
- name: Draw the animatic
  id: draw
  shell: bash
  env:
    SPEC: <<SPEC>>
  run: |
    veospec apply "$SPEC" --provider local --yes
    echo "out=$(dirname "$SPEC")/out" >> "$GITHUB_OUTPUT"
- name: Keep the page
  uses: <<UPLOAD>>
  with:
    name: veospec-review
    path: ${{ steps.draw.outputs.out }}
    if-no-files-found: error
- name: Keep the comment
  if: always()
  uses: <<UPLOAD>>
  with:
    name: veospec-comment
    path: ${{ runner.temp }}/veospec/comment.md
    if-no-files-found: ignore
    retention-days: 3
"""

_PREVIEW = """\
# A preview of the storyboard for every pull request, also from forks: no secret, no right to write, nothing paid.
name: storyboard
on:
  pull_request:
permissions:
  contents: read
concurrency:
  group: veospec-preview-${{ github.ref }}
  cancel-in-progress: true
jobs:
  preview:
    name: preview
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: <<CHECKOUT>>
        with:
          persist-credentials: false
          fetch-depth: 2
      - uses: <<PYTHON>>
        with:
          python-version: "3.12"
      - name: Install veospec
        shell: bash
        run: python -m pip install --disable-pip-version-check "veospec==<<VERSION>>"
<<STEPS>>
"""

_COMMENT = """\
# Writes the one comment of a pull request. Runs with the text of the default branch; nothing of the pull request is
# checked out or run here. Its comment file is hostile bytes: bounded, checked for its mark, and sent as text.
name: storyboard comment
on:
  workflow_run: # zizmor: ignore[dangerous-triggers] nothing of the pull request is checked out or run
    workflows: [storyboard]
    types: [completed]
permissions: {}
concurrency:
  group: veospec-comment-${{ github.event.workflow_run.head_sha }}
  cancel-in-progress: false
jobs:
  comment:
    name: comment
    if: github.event.workflow_run.event == 'pull_request'
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      actions: read # to fetch the artefact
      pull-requests: write # to write the comment
    steps:
      - id: fetch
        continue-on-error: true
        uses: <<DOWNLOAD>>
        with:
          name: veospec-comment
          path: ${{ runner.temp }}/veospec-comment
          run-id: ${{ github.event.workflow_run.id }}
          github-token: ${{ github.token }}
      - if: steps.fetch.outcome == 'success'
        shell: bash
        env:
          GH_TOKEN: ${{ github.token }}
          REPO: ${{ github.repository }}
          HEAD_OWNER: ${{ github.event.workflow_run.head_repository.owner.login }}
          HEAD_BRANCH: ${{ github.event.workflow_run.head_branch }}
          HEAD_SHA: ${{ github.event.workflow_run.head_sha }}
        run: |
          file="$RUNNER_TEMP/veospec-comment/comment.md"
          # One check a line: of a chain of && only the last one stops the shell.
          [ -f "$file" ]
          [ ! -L "$file" ]
          [ "$(wc -c < "$file")" -le 65000 ]
          MARK=$(tail -n 1 "$file")
          export MARK
          [[ "$MARK" =~ ^'<!-- veospec comment 1: '[A-Za-z0-9._/%-]+' -->'$ ]]
          # The number comes from GitHub and not from the artefact, so that nobody writes under another's request.
          number=$(gh api --method GET "repos/$REPO/pulls" -f state=open -f head="$HEAD_OWNER:$HEAD_BRANCH" \\
            --jq '.[] | select(.head.sha == env.HEAD_SHA) | .number' | sed -n 1p)
          if [ -z "$number" ]; then echo "no open pull request has this commit any more"; exit 0; fi
          mine='.[] | select(.user.type == "Bot") | select(.body | rtrimstr("\\n") | endswith(env.MARK)) | .id'
          id=$(gh api --paginate "repos/$REPO/issues/$number/comments" --jq "$mine" | sed -n 1p)
          if [ -n "$id" ]; then
            gh api --method PATCH "repos/$REPO/issues/comments/$id" -F body=@"$file" > /dev/null
          else
            gh api --method POST "repos/$REPO/issues/$number/comments" -F body=@"$file" > /dev/null
          fi
"""

_APPLY = """\
# Buys what the storyboard of a protected branch asks for. Started by hand; the environment `veospec-paid` holds the
# token and has required reviewers. The runner must be one whose disk stays: VEOSPEC_HOME keeps the journal of what
# was paid and the clips. Commit out/manifest.json afterwards, so that no other machine buys the same again.
name: storyboard apply
on:
  workflow_dispatch:
    inputs:
      max_credits:
        description: The most this run may spend, in credits
        required: true
permissions:
  contents: read
concurrency:
  group: veospec-apply
  cancel-in-progress: false
jobs:
  apply:
    name: apply
    if: github.ref_protected
    runs-on: self-hosted # zizmor: ignore[self-hosted-runner] never runs for a pull request
    environment: veospec-paid
    timeout-minutes: 360
    steps:
      - uses: <<CHECKOUT>>
        with:
          persist-credentials: false
      - uses: <<PYTHON>>
        with:
          python-version: "3.12"
      - name: Install veospec
        shell: bash
        run: python -m pip install --disable-pip-version-check "veospec==<<VERSION>>"
      - name: Apply
        id: apply
        shell: bash
        env:
          SPEC: <<SPEC>>
          MAX_CREDITS: ${{ inputs.max_credits }}
          VEOSPEC_HOME: ${{ vars.VEOSPEC_HOME }}
          USEAPI_TOKEN: ${{ secrets.USEAPI_TOKEN }}
        run: |
          : "${VEOSPEC_HOME:?set this variable of the repository to a folder that stays}"
          veospec apply "$SPEC" --provider flow --yes --max-credits "$MAX_CREDITS"
          echo "out=$(dirname "$SPEC")/out" >> "$GITHUB_OUTPUT"
      - name: Keep the page
        uses: <<UPLOAD>>
        with:
          name: veospec-review
          path: ${{ steps.apply.outputs.out }}
"""

_ACTION = """\
# The preview of a storyboard as one step. Use it from a `pull_request` workflow with `permissions: contents: read`
# after a checkout with `fetch-depth: 2`. Needs no secret; draws with the `local` provider only.
name: veospec preview
description: Check and plan a storyboard, draw its animatic, keep the review page and the comment as artefacts.
inputs:
  spec:
    description: Path of the storyboard in the repository.
    default: shots.yaml
  python-version:
    description: Python to run with; 3.11 or later.
    default: "3.12"
runs:
  using: composite
  steps:
    - uses: <<PYTHON>>
      with:
        python-version: ${{ inputs.python-version }}
    - name: Install veospec
      shell: bash
      run: python -m pip install --disable-pip-version-check "$GITHUB_ACTION_PATH/../../.."
<<STEPS>>
"""

_GITLAB = """\
# Include this file from .gitlab-ci.yml. Merge requests get a check, a plan, a local animatic and one comment; paid
# work is started by hand on a protected branch, with a ceiling, on a runner whose disk keeps VEOSPEC_HOME.
.veospec:
  image: python:3.12-slim
  variables:
    SPEC: <<SPEC>>
    GIT_DEPTH: "0"
  before_script:
    - python -m pip install --quiet --disable-pip-version-check "veospec==<<VERSION>>"

veospec-preview:
  extends: .veospec
  stage: test
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    # First, so that the comment tells of a faulty storyboard too.
    - files="$CI_JOB_URL/artifacts/raw/$(dirname "$SPEC")/out"
    - >-
      veospec comment "$SPEC" --run-url "$CI_JOB_URL" --page-url "$CI_JOB_URL/artifacts/browse"
      --preview-url "$files/preview.webp" -o comment.md
    - veospec validate "$SPEC"
    - code=0; veospec plan "$SPEC" --exit-code || code=$?; [ "$code" -eq 0 ] || [ "$code" -eq 4 ]
    - veospec apply "$SPEC" --provider local --yes
  artifacts:
    when: always
    expose_as: Storyboard
    paths:
      - <<OUT>>
      - comment.md

# Needs VEOSPEC_COMMENT_TOKEN (a project access token, role Reporter, scope api, masked). GitLab gives it to branches
# of this project only; a merge request from a fork has no comment, its artefact is there all the same.
veospec-comment:
  image: python:3.12-slim
  stage: deploy
  needs:
    - job: veospec-preview
      artifacts: true
  variables:
    GIT_STRATEGY: none
  rules:
    - if: >-
        $CI_PIPELINE_SOURCE == "merge_request_event" && $VEOSPEC_COMMENT_TOKEN
        && $CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID
      when: always
  script:
    - |
      python - <<'PY'
      import json, os, urllib.request
      body = open("comment.md", encoding="utf-8").read()
      mark = body.rstrip("\\n").rpartition("\\n")[2]
      if not mark.startswith("<!-- veospec comment 1: ") or len(body) > 65000:
          raise SystemExit("comment.md is not a comment of veospec")
      request = "/projects/{CI_PROJECT_ID}/merge_requests/{CI_MERGE_REQUEST_IID}/notes"
      notes = ("{CI_API_V4_URL}" + request).format(**os.environ)
      def call(method, url, sent=None):
          data = None if sent is None else json.dumps(sent).encode()
          head = {"PRIVATE-TOKEN": os.environ["VEOSPEC_COMMENT_TOKEN"], "Content-Type": "application/json"}
          with urllib.request.urlopen(urllib.request.Request(url, data, head, method=method), timeout=60) as answer:
              return json.load(answer)
      me = call("GET", os.environ["CI_API_V4_URL"] + "/user")["id"]
      page, mine = 1, None
      while mine is None and (found := call("GET", f"{notes}?per_page=100&page={page}")):
          mine = next((n["id"] for n in found if n["author"]["id"] == me and n["body"].rstrip().endswith(mark)), None)
          page += 1
      call("POST", notes, {"body": body}) if mine is None else call("PUT", f"{notes}/{mine}", {"body": body})
      PY

veospec-apply:
  extends: .veospec
  stage: deploy
  tags: [veospec]
  resource_group: veospec-apply
  environment: veospec-paid
  rules:
    - if: $CI_COMMIT_REF_PROTECTED == "true" && $CI_PIPELINE_SOURCE != "merge_request_event"
      when: manual
      allow_failure: true
  script:
    - test -n "$MAX_CREDITS"
    - test -n "$VEOSPEC_HOME"
    - veospec apply "$SPEC" --provider flow --yes --max-credits "$MAX_CREDITS"
  artifacts:
    when: always
    paths:
      - <<OUT>>
"""
