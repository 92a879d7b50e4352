"""Every name of MiniStack that the patches reach into, so that another release is refused with the name it lacks.

MiniStack promises nothing about these names, hence the exact version in `infragen-cfn[local]`. Runs in the emulator's
process only.
"""

import importlib
from importlib import metadata

VERSION = "1.5.33"

NAMES: dict[str, tuple[str, ...]] = {
    "ministack.app": (
        "AUTH",
        "_build_persistence_save_dict",
        "_get_module",
        "_load_persisted_state",
        "_send_if_handled",
        "_state_map",
        "app",
        "main",
        "pin_request_origin",
        "save_all",
    ),
    "ministack.core.concurrency": ("resource_lock", "run_reentrant", "spawn_background"),
    "ministack.core.iam_actions": ("extract_iam_action", "extract_resource_arn", "request_tag_context"),
    "ministack.core.iam_evaluator": ("enforce",),
    "ministack.core.lambda_runtime": (
        "Worker",
        "_LOCAL_WORKER_TTL",
        "_lock",
        "_workers",
        "execution_credentials",
        "kill_workers",
        "reset",
        "subprocess",
    ),
    "ministack.core.persistence": (
        "STATE_DIR",
        "_json_default",
        "_json_object_hook",
        "_state_format_version",
        "load_state",
    ),
    "ministack.core.responses": (
        "StreamingResponse",
        "error_response_json",
        "get_account_id",
        "get_region",
        "json_response",
        "request_scope",
    ),
    "ministack.core.router": ("_is_aws_service_name",),
    "ministack.core.sigv4": ("header_signature_failure", "parse_header_signature", "parse_query_signature"),
    "ministack.services.alb": (
        "_lb_attrs",
        "_lbs",
        "_listeners",
        "_proxy_http_target",
        "_targets",
        "_tg_attrs",
        "_tgs",
        "dispatch_request",
    ),
    "ministack.services.cloudformation": ("_change_sets", "_stacks", "load_persisted_state"),
    "ministack.services.cloudformation.changesets": ("_create_stack_task_in_region", "_resolve_props_for_diff"),
    "ministack.services.cloudformation.custom_resource": ("invoke_custom_resource",),
    "ministack.services.cloudformation.drift": ("_DRIFT_READERS",),
    "ministack.services.cloudformation.engine": ("CfnLoader", "yaml"),
    "ministack.services.cloudformation.handlers": ("_ACTION_HANDLERS", "_create_stack_task_in_region"),
    "ministack.services.cloudformation.helpers": ("CFN_NS", "_p", "_resolve_document"),
    "ministack.services.cloudformation.provisioners": (
        "_CONDITIONALLY_REPLACING_PROPERTIES",
        "_NAME_SEED",
        "_REPLACING_PROPERTIES",
        "_RESOURCE_HANDLERS",
        "_cfn_wait_condition_definition",
        "_cr_stack_id",
        "_cw_metric_alarm_record",
        "_delete_predecessor",
        "_delete_resource",
        "_nested_stack_lookup_name",
        "_normalize_container_defs",
        "_physical_name",
        "_provision_resource",
        "_r53_normalize_hosted_zone_id",
        "_update_resource",
    ),
    "ministack.services.cloudformation.stacks": (
        "_add_event",
        "_create_stack_task_in_region",
        "_delete_stack_async",
        "_runs_on_worker_thread",
    ),
    "ministack.services.cloudformation.wait_conditions": (
        "deliver_signal",
        "register_slot",
        "validate_count",
        "validate_resource_signal_timeout",
        "wait_for",
    ),
    "ministack.services.cloudwatch": (
        "_composite_alarms",
        "_dims_from_list",
        "_dims_key",
        "_get_metric_data",
        "_metric_bucket",
        "_parse_ts",
        "_put_composite_alarm",
    ),
    "ministack.services.ec2": (
        "_VPCE_INTERFACE_SERVICES",
        "_addresses",
        "_instances",
        "_launch_instances_internal",
        "_nat_gateways",
        "_now_ts",
        "_random_ip",
        "_security_groups",
        "_subnets",
        "_tags",
        "_volumes",
    ),
    "ministack.services.ecr": (
        "_batch_check_layer_availability",
        "_complete_layer_upload",
        "_describe_images",
        "_find_image",
        "_get_download_url_for_layer",
        "_initiate_layer_upload",
        "_layer_blobs",
        "_put_image",
        "_repositories",
        "_upload_layer_part",
    ),
    "ministack.services.ecs": (
        "_ACTION_MAP",
        "_ImagePullError",
        "_SecretResolutionError",
        "_start_task_worker",
        "_ECS_DEPLOYMENT_STEADY_DELAY",
        "_bump_task_version",
        "_cluster_name_from_arn",
        "_complete_service_deployment",
        "_deployment_for_task",
        "_describe_services",
        "_fail_task_start",
        "_get_docker",
        "_iso",
        "_make_deployment",
        "_mark_task_stopped",
        "_primary_deployment",
        "_reconcile_service_tasks",
        "_record_service_task_failure",
        "_record_service_task_healthy",
        "_record_task_ip",
        "_recount_cluster",
        "_refresh_service_state",
        "_remove_docker_container",
        "_resolve_cluster_name",
        "_resolve_task",
        "_sanitize",
        "_schedule_service_deployment_completion",
        "_services",
        "_stop_task",
        "_sync_service_targets",
        "_task_defs",
        "_task_ip",
        "_task_is_active",
        "_tasks",
        "_update_service",
        "error_response_json",
    ),
    "ministack.services.ecs_metadata": ("unregister_token",),
    "ministack.services.iam": (
        "_IAM_HANDLERS",
        "_aws_managed_policies",
        "_create_service_linked_role",
        "_make_aws_managed_record",
        "_oidc_providers",
        "_roles",
    ),
    "ministack.services.eventbridge": ("_cron_next_fire", "_parse_cron_fields"),
    "ministack.services.lambda_svc": (
        "_execute_function",
        "_get_func_record_for_qualifier",
        "_iter_all_esms",
        "_prune_orphan_code_blobs",
        "_run_sqs_batch",
        "acquire_worker",
        "execution_credentials",
        "invalidate_worker",
        "reap_idle_workers",
        "release_worker",
    ),
    "ministack.services.rds": ("_ACTION_MAP", "_clusters"),
    "ministack.services.rds_data": (
        "_begin_transaction",
        "_commit_transaction",
        "_connect",
        "_execute_statement",
        "_has_real_endpoint",
        "_require_secret_credentials",
        "_resolve_target",
        "_rollback_transaction",
        "_validate_http_endpoint_enabled",
        "handle_request",
        "json_response",
    ),
    "ministack.services.route53": ("_default_records", "_records", "_zones"),
    "ministack.services.scheduler": ("_at_time_epoch",),
    "ministack.services.secretsmanager": (
        "_describe_secret",
        "_get_secret_value",
        "_put_secret_value",
        "_resolve",
        "_rotate_secret",
        "_secrets",
        "_store_new_secret",
        "resolve_secret_string",
    ),
    "ministack.services.sqs": (
        "_Err",
        "_HANDLERS",
        "_collect_msgs",
        "_dlq_sweep",
        "_expire_retained",
        "_get_q",
        "_queue_by_arn",
        "_queue_url",
        "_queues",
        "_queues_lock",
        "_receive_messages_for_esm",
        "_refresh_counts",
        "esm_wake",
        "get_state",
    ),
    "ministack.services.ssm": ("_PUBLIC_AMI_PARAMETERS", "_lookup_parameter", "resolve_parameter_value"),
    "ministack.services.sts": ("_sessions", "register_session"),
    "ministack.services.waf": ("_associate_web_acl", "_associations"),
}


def missing_names() -> list[str]:
    """Return the names, as `module.name`, that the installed MiniStack does not have."""
    missing = []
    for module_name, names in NAMES.items():
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError:
            missing.append(module_name)
            continue
        missing += [f"{module_name}.{name}" for name in names if not hasattr(module, name)]
    return missing


def complaint() -> str:
    """Return what to tell the user when the installed MiniStack is not the one this product knows; empty when it is."""
    missing = missing_names()
    if not missing:
        return ""
    return (
        f"ministack {metadata.version('ministack')} does not have {', '.join(missing)}; "
        f"infragen knows ministack {VERSION}: pip install 'ministack=={VERSION}'"
    )
