"""One item of every kind, with every field, as it is kept; and the same as a request may say it."""

from __future__ import annotations

from typing import Any

BREAKPOINT = {"mode": "explicit"}
DIRECT = {"type": "direct"}
BY_PROGRAM = {"type": "program", "caller_id": "call_p"}
LOGPROB = {
    "token": "Hi",
    "logprob": -0.5,
    "bytes": [72, 105],
    "top_logprobs": [{"token": "Ho", "logprob": -1.5, "bytes": [72, 111]}],
}
INPUT_PARTS: list[dict[str, Any]] = [
    {"type": "input_text", "text": "Look \u0000 at \U0001f600.", "prompt_cache_breakpoint": BREAKPOINT},
    {"type": "input_image", "image_url": "https://example.org/a.png", "file_id": None, "detail": "high"},
    {"type": "input_image", "file_id": "file-1", "detail": "original", "prompt_cache_breakpoint": BREAKPOINT},
    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA==", "detail": "low"},
    {"type": "input_file", "file_url": "https://example.org/a.pdf", "prompt_cache_breakpoint": BREAKPOINT},
    {"type": "input_video", "video_url": "https://example.org/a.mp4"},
]
ANNOTATIONS: list[dict[str, Any]] = [
    {"type": "file_citation", "file_id": "file-1", "index": 3, "filename": "a.pdf"},
    {"type": "url_citation", "url": "https://example.org", "start_index": 0, "end_index": 2, "title": "Example"},
    {
        "type": "container_file_citation",
        "container_id": "cntr_1",
        "file_id": "file-2",
        "start_index": 0,
        "end_index": 2,
        "filename": "plot.png",
    },
    {"type": "file_path", "file_id": "file-3", "index": 1},
]
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": True,
        "output_schema": {"type": "string"},
        "defer_loading": True,
        "allowed_callers": ["direct", "programmatic"],
    },
    {
        "type": "file_search",
        "vector_store_ids": ["vs_1"],
        "max_num_results": 3,
        "ranking_options": {
            "ranker": "auto",
            "score_threshold": 0.5,
            "hybrid_search": {"embedding_weight": 1.5, "text_weight": 0.5},
        },
        "filters": {
            "type": "and",
            "filters": [
                {"type": "eq", "key": "year", "value": 2024},
                {"type": "or", "filters": [{"type": "in", "key": "tag", "value": ["a", 1]}]},
            ],
        },
    },
    {"type": "computer"},
    {"type": "computer_use_preview", "environment": "linux", "display_width": 800, "display_height": 600},
    {
        "type": "web_search",
        "external_web_access": True,
        "filters": {"allowed_domains": ["example.org"]},
        "user_location": {
            "type": "approximate",
            "country": "NO",
            "region": None,
            "city": "Oslo",
            "timezone": "Europe/Oslo",
        },
        "search_context_size": "low",
    },
    {"type": "web_search_preview", "search_context_size": "low", "search_content_types": ["text", "image"]},
    {
        "type": "mcp",
        "server_label": "docs",
        "server_url": "https://example.org/mcp",
        "server_description": "Documentation.",
        "allowed_tools": {"tool_names": ["read"], "read_only": True},
        "allowed_callers": ["direct"],
        "require_approval": {"always": {"tool_names": ["write"]}, "never": {"read_only": True}},
        "defer_loading": False,
    },
    {"type": "mcp", "server_label": "box", "connector_id": "connector_dropbox", "require_approval": "never"},
    {"type": "code_interpreter", "container": "cntr_1"},
    {
        "type": "code_interpreter",
        "container": {
            "type": "auto",
            "file_ids": ["file-1"],
            "memory_limit": "4g",
            "network_policy": {"type": "allowlist", "allowed_domains": ["example.org"]},
        },
    },
    {"type": "programmatic_tool_calling"},
    {"type": "image_generation", "model": "gpt-image-1", "size": "auto", "partial_images": 2, "action": "edit"},
    {"type": "local_shell"},
    {"type": "shell", "environment": {"type": "container_auto", "network_policy": {"type": "disabled"}}},
    {
        "type": "shell",
        "environment": {"type": "local", "skills": [{"name": "pdf", "description": "Reads PDF.", "path": "/skills"}]},
    },
    {"type": "custom", "name": "sql", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}},
    {
        "type": "namespace",
        "name": "crm",
        "description": "Customers.",
        "tools": [{"type": "function", "name": "find"}, {"type": "custom", "name": "sql", "format": {"type": "text"}}],
    },
    {"type": "tool_search", "execution": "client", "description": None, "parameters": {"type": "object"}},
    {"type": "apply_patch", "allowed_callers": None},
]

KEPT: list[dict[str, Any]] = [
    {"type": "message", "id": "msg_1", "status": "completed", "role": "user", "content": INPUT_PARTS},
    {
        "type": "message",
        "id": "msg_2",
        "status": "completed",
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "Hi", "annotations": ANNOTATIONS, "logprobs": [LOGPROB]},
            {"type": "refusal", "refusal": "No."},
        ],
        "phase": "final_answer",
    },
    {
        "type": "message",
        "id": "msg_3",
        "status": "incomplete",
        "role": "developer",
        "content": [{"type": "input_text", "text": "Be brief."}],
    },
    {"type": "message", "id": "msg_4", "status": "completed", "role": "system", "content": []},
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "caller": DIRECT,
        "namespace": "crm",
        "name": "weather",
        "arguments": '{"city": "Oslo"}',
        "status": "completed",
    },
    {
        "type": "function_call_output",
        "id": "fco_1",
        "call_id": "call_1",
        "output": "12 °C",
        "name": "weather",
        "namespace": "crm",
        "caller": BY_PROGRAM,
        "status": "completed",
    },
    {"type": "function_call_output", "id": "fco_2", "call_id": "c", "output": INPUT_PARTS, "status": "incomplete"},
    {
        "type": "custom_tool_call",
        "id": "ctc_1",
        "call_id": "call_2",
        "caller": None,
        "name": "sql",
        "input": "select 1",
        "status": "completed",
    },
    {
        "type": "custom_tool_call_output",
        "id": "ctco_1",
        "call_id": "call_2",
        "caller": DIRECT,
        "output": INPUT_PARTS[:1],
        "status": "completed",
    },
    {
        "type": "file_search_call",
        "id": "fs_1",
        "status": "completed",
        "queries": ["q"],
        "results": [
            {
                "file_id": "file-1",
                "filename": "a.pdf",
                "score": 0.5,
                "text": "t",
                "attributes": {"year": 2024, "x": 1.5, "new": True, "tag": "a"},
            }
        ],
    },
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {
            "type": "search",
            "query": "q",
            "queries": ["q"],
            "sources": [{"type": "url", "url": "https://a.b"}],
        },
    },
    {"type": "web_search_call", "id": "ws_2", "status": "failed", "action": {"type": "open_page", "url": None}},
    {
        "type": "web_search_call",
        "id": "ws_3",
        "status": "searching",
        "action": {"type": "find_in_page", "url": "https://a.b", "pattern": "x"},
    },
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0="},
    {
        "type": "computer_call",
        "id": "cu_1",
        "call_id": "call_3",
        "action": {"type": "click", "button": "left", "x": 1, "y": 2, "keys": None},
        "actions": [
            {"type": "double_click", "x": 1, "y": 2, "keys": ["SHIFT"]},
            {"type": "drag", "path": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]},
            {"type": "keypress", "keys": ["CTRL", "C"]},
            {"type": "move", "x": 1, "y": 2},
            {"type": "screenshot"},
            {"type": "scroll", "x": 1, "y": 2, "scroll_x": 0, "scroll_y": -3},
            {"type": "type", "text": "hello"},
            {"type": "wait"},
        ],
        "pending_safety_checks": [{"id": "sc_1", "code": "malicious", "message": None}],
        "status": "completed",
    },
    {
        "type": "computer_call_output",
        "id": "cuo_1",
        "call_id": "call_3",
        "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA==", "file_id": "file-1"},
        "acknowledged_safety_checks": [{"id": "sc_1"}],
        "status": "completed",
    },
    {
        "type": "tool_search_call",
        "id": "tsc_1",
        "call_id": "call_4",
        "execution": "client",
        "arguments": {"goal": "x"},
        "status": "completed",
    },
    {
        "type": "tool_search_output",
        "id": "tso_1",
        "call_id": None,
        "execution": "server",
        "tools": TOOLS,
        "status": "completed",
    },
    {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": TOOLS[:1]},
    {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "content": [{"type": "reasoning_text", "text": "Hm, hm."}],
        "encrypted_content": "gAAAA",
        "status": "completed",
    },
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA"},
    {"type": "program", "id": "prog_1", "call_id": "call_p", "code": "1", "fingerprint": "f"},
    {"type": "program_output", "id": "progo_1", "call_id": "call_p", "result": "1", "status": "incomplete"},
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "status": "completed",
        "container_id": "cntr_1",
        "code": "print(1)",
        "outputs": [{"type": "logs", "logs": "1"}, {"type": "image", "url": "https://a.b/c.png"}],
    },
    {
        "type": "local_shell_call",
        "id": "lsh_1",
        "call_id": "call_5",
        "action": {
            "type": "exec",
            "command": ["ls"],
            "timeout_ms": 10,
            "working_directory": None,
            "env": {"A": "b"},
            "user": None,
        },
        "status": "completed",
    },
    {"type": "local_shell_call_output", "id": "lsho_1", "call_id": "call_5", "output": "{}", "status": "completed"},
    {
        "type": "shell_call",
        "id": "sh_1",
        "call_id": "call_6",
        "caller": DIRECT,
        "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": 100},
        "status": "completed",
        "environment": {"type": "container_reference", "container_id": "cntr_1"},
    },
    {
        "type": "shell_call_output",
        "id": "sho_1",
        "call_id": "call_6",
        "output": [
            {"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 1}},
            {"stdout": "", "stderr": "", "outcome": {"type": "timeout"}},
        ],
        "status": "completed",
        "max_output_length": None,
    },
    {
        "type": "apply_patch_call",
        "id": "apc_1",
        "call_id": "call_7",
        "status": "completed",
        "operation": {"type": "create_file", "path": "a", "diff": "+b"},
    },
    {
        "type": "apply_patch_call",
        "id": "apc_2",
        "call_id": "call_8",
        "status": "in_progress",
        "operation": {"type": "update_file", "path": "a", "diff": "+b"},
    },
    {
        "type": "apply_patch_call",
        "id": "apc_3",
        "call_id": "call_9",
        "status": "completed",
        "operation": {"type": "delete_file", "path": "a"},
    },
    {"type": "apply_patch_call_output", "id": "apco_1", "call_id": "call_7", "status": "failed", "output": "No."},
    {
        "type": "mcp_list_tools",
        "id": "mcpl_1",
        "server_label": "docs",
        "tools": [
            {"name": "read", "description": None, "input_schema": {"type": "object"}, "annotations": {"readOnly": True}}
        ],
        "error": None,
    },
    {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "docs", "name": "write", "arguments": "{}"},
    {
        "type": "mcp_approval_response",
        "id": "mcpa_1",
        "approval_request_id": "mcpr_1",
        "approve": False,
        "reason": "No.",
    },
    {
        "type": "mcp_call",
        "id": "mcp_1",
        "server_label": "docs",
        "name": "write",
        "arguments": "{}",
        "output": "done",
        "error": None,
        "status": "completed",
        "approval_request_id": "mcpr_1",
    },
    *(
        {
            "type": "mcp_call",
            "id": f"mcp_{number}",
            "server_label": "docs",
            "name": "write",
            "arguments": "{}",
            "output": None,
            "error": error,
            "status": "failed",
        }
        for number, error in enumerate(
            (
                {"type": "mcp_protocol_error", "code": -32601, "message": "m"},
                {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "x"}]},
                {"type": "http_error", "code": 500, "message": "m"},
                "It failed.",
            ),
            2,
        )
    ),
]
"""An item that is kept is one that a request may say again, word for word."""

GIVEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"role": "user", "content": "Hello."},
        {
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hello."}],
        },
    ),
    (
        {"type": "message", "role": "assistant", "content": "Hi.", "id": None, "status": None, "phase": None},
        {
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}],
            "phase": None,
        },
    ),
    (
        {"role": "assistant", "content": [{"type": "output_text", "text": "Hi.", "annotations": None}]},
        {
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}],
        },
    ),
    (
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "https://a.b/c.png", "detail": None},
                {"type": "input_file", "file_id": "file-1", "filename": None, "file_data": None},
            ],
        },
        {
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "https://a.b/c.png", "detail": "auto"},
                {"type": "input_file", "file_id": "file-1"},
            ],
        },
    ),
    (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "x_new": {"kept": True}},
        {
            "type": "function_call",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "status": "completed",
            "x_new": {"kept": True},
        },
    ),
    (
        {"type": "function_call_output", "call_id": None, "output": "x", "name": None, "namespace": None},
        {"type": "function_call_output", "output": "x", "status": "completed"},
    ),
    (
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": ""},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "", "status": "completed"},
    ),
    (
        {"type": "tool_search_call", "arguments": {}},
        {
            "type": "tool_search_call",
            "call_id": None,
            "execution": "server",
            "arguments": {},
            "status": "completed",
        },
    ),
    (
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [
                {"type": "function", "name": "f"},
                {
                    "type": "mcp",
                    "server_label": "s",
                    "server_url": "https://a.b",
                    "authorization": "SECRET",
                    "headers": {"x-key": "SECRET"},
                },
                {
                    "type": "code_interpreter",
                    "container": {
                        "type": "auto",
                        "network_policy": {
                            "type": "allowlist",
                            "allowed_domains": ["a.b"],
                            "domain_secrets": [{"domain": "a.b", "name": "n", "value": "SECRET"}],
                        },
                    },
                },
                {
                    "type": "shell",
                    "environment": {
                        "type": "container_auto",
                        "network_policy": {
                            "type": "allowlist",
                            "allowed_domains": ["a.b"],
                            "domain_secrets": [{"domain": "a.b", "name": "n", "value": "SECRET"}],
                        },
                    },
                },
            ],
        },
        {
            "type": "additional_tools",
            "role": "developer",
            "tools": [
                {"type": "function", "name": "f", "parameters": None, "strict": None},
                {"type": "mcp", "server_label": "s", "server_url": "https://a.b"},
                {
                    "type": "code_interpreter",
                    "container": {
                        "type": "auto",
                        "network_policy": {"type": "allowlist", "allowed_domains": ["a.b"]},
                    },
                },
                {
                    "type": "shell",
                    "environment": {
                        "type": "container_auto",
                        "network_policy": {"type": "allowlist", "allowed_domains": ["a.b"]},
                    },
                },
            ],
        },
    ),
    (
        {"type": "reasoning", "summary": [], "content": None, "encrypted_content": None, "status": None},
        {"type": "reasoning", "summary": [], "encrypted_content": None},
    ),
    (
        {"type": "code_interpreter_call", "container_id": "c", "status": "completed"},
        {"type": "code_interpreter_call", "container_id": "c", "status": "completed", "code": None, "outputs": None},
    ),
    (
        {"type": "image_generation_call", "status": "completed"},
        {"type": "image_generation_call", "status": "completed", "result": None},
    ),
    (
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        {
            "type": "shell_call",
            "call_id": "c",
            "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": None},
            "status": "completed",
            "environment": None,
        },
    ),
    (
        {"type": "shell_call_output", "call_id": "c", "output": []},
        {"type": "shell_call_output", "call_id": "c", "output": [], "status": "completed", "max_output_length": None},
    ),
    (
        {"type": "local_shell_call_output", "call_id": "c", "output": "{}", "status": None},
        {"type": "local_shell_call_output", "call_id": "c", "output": "{}"},
    ),
    (
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"type": "computer_screenshot", "file_id": "file-1"},
            "acknowledged_safety_checks": None,
        },
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"type": "computer_screenshot", "file_id": "file-1"},
            "status": "completed",
        },
    ),
]
"""What requests leave out, and what is then kept beside an id."""
