// For each alert of deploy/monitoring/rules what provokes it, what a healthy market shows instead, and after how long it
// fires: the unit tests that promtool runs.
//
// Values are promtool's: "0x40" stays 0 for 40 steps of 15 s, "0+5x40" grows by 5 a step.

const SIX = ["chain-indexer", "orderbook", "matcher", "task-publisher", "slasher-watcher", "webhook-gateway"];
const of = (service, name, more = "") => `${name}{job="kalypso",market="m",service="${service}",instance="${service}:1"${more}}`;
const all = (services, name, values) => Object.fromEntries(services.map((s) => [of(s, name), values]));
const one = (service, name, values, more) => ({ [of(service, name, more)]: values });

// alert: its name; bad: series under which it fires `after` so many seconds, and not 15 s before `not`; good: under
// which it doesn't.
export const ALERTS = [
	// ---- live
	{ alert: "KalypsoServiceDown", bad: one("matcher", "up", "1x2 0x40"), good: one("matcher", "up", "1x40"), not: 45, after: 90 },
	{ alert: "KalypsoServiceMissing", bad: all(SIX.slice(1), "up", "1x60"), good: all(SIX, "up", "1x60"), not: 285, after: 315 },
	{
		alert: "KalypsoCopyDown",
		bad: { ...one("matcher", "up", "1x60"), 'up{job="kalypso",market="m",service="matcher",instance="matcher:2"}': "0x60" },
		good: one("matcher", "up", "0x60"), // none at all: that is another alert
		not: 105,
		after: 135,
	},
	{
		alert: "KalypsoNotReady",
		bad: one("orderbook", "service_ready", "0x40"),
		good: { ...one("orderbook", "service_ready", "1x40"), 'service_ready{job="kalypso",market="m",service="orderbook",instance="orderbook:2"}': "0x40" },
		not: 45,
		after: 75,
	},
	{ alert: "KalypsoRestarting", bad: one("matcher", "process_start_time_seconds", "100+20x20"), good: one("matcher", "process_start_time_seconds", "100x10 200x10"), after: 300 },
	{
		alert: "KalypsoVersionsDiffer",
		bad: { ...one("matcher", "service_build_info", "1x200", ',version="0.1.0"'), ...one("orderbook", "service_build_info", "1x200", ',version="0.2.0"') },
		good: { ...one("matcher", "service_build_info", "1x200", ',version="0.1.0"'), ...one("orderbook", "service_build_info", "1x200", ',version="0.1.0"') },
		not: 1785,
		after: 1815,
	},
	{
		alert: "KalypsoGatewayErrors",
		bad: answers("0+10x60", "0+1x60"),
		good: answers("0+100x60", "0+1x60"),
		not: 240,
		after: 600,
	},

	// ---- behind
	{ alert: "KalypsoChainStalled", bad: one("chain-indexer", "chain_tip_timestamp_seconds", "0x60"), good: one("chain-indexer", "chain_tip_timestamp_seconds", "0+15x60"), not: 150, after: 210 },
	{
		alert: "KalypsoIndexerBehind",
		bad: { ...one("chain-indexer", "chain_head_block", "20x40"), ...one("chain-indexer", "chain_tip_block", "9x40") },
		good: { ...one("chain-indexer", "chain_head_block", "20x40"), ...one("chain-indexer", "chain_tip_block", "10x40") },
		not: 45,
		after: 75,
	},
	{
		alert: "KalypsoLogUnread",
		bad: { ...one("orderbook", "log_written_entry", "20000x40", ',log="book"'), ...one("matcher", "log_read_entry", "9000x40", ',log="book"') },
		good: { ...one("orderbook", "log_written_entry", "20000x40", ',log="book"'), ...one("matcher", "log_read_entry", "19000x40", ',log="book"') },
		not: 105,
		after: 135,
	},
	{ alert: "KalypsoNodesDisagree", bad: one("chain-indexer", "chain_disagreeing", "1x20"), good: one("chain-indexer", "chain_disagreeing", "0x20"), not: 15, after: 45 },
	{ alert: "KalypsoNodeOut", bad: one("chain-indexer", "rpc_node_usable", "0x60", ',node="n"'), good: one("chain-indexer", "rpc_node_usable", "1x60", ',node="n"'), not: 585, after: 615 },
	{ alert: "KalypsoNodesUnconfirmed", bad: one("chain-indexer", "chain_unconfirmed_total", "0+1x100"), good: one("chain-indexer", "chain_unconfirmed_total", "7x100"), not: 585, after: 660 },
	{ alert: "KalypsoRedisUnreachable", bad: one("matcher", "store_unreachable_total", "0+1x20"), good: one("matcher", "store_unreachable_total", "3x20"), not: 45, after: 120 },
	{
		alert: "KalypsoRedisDiskSlow",
		bad: appends("0x100", "0+10x100"),
		good: appends("0+10x100", "0+10x100"),
		not: 585,
		after: 660,
	},
	{ alert: "KalypsoRedisForgot", bad: one("matcher", "service_reloaded_total", "0x2 1x20"), good: one("matcher", "service_reloaded_total", "1x20"), after: 120 },
	{ alert: "KalypsoReaderStruckOff", bad: one("orderbook", "log_reader_struck_total", "0x2 1x20"), good: one("orderbook", "log_reader_struck_total", "1x20"), after: 120 },
	{ alert: "KalypsoSnapshotsFail", bad: one("matcher", "snapshot_failed_total", "0+1x20"), good: one("matcher", "snapshot_failed_total", "0x10 1x10"), after: 240 },

	// ---- money
	{
		alert: "KalypsoMatchesUnpublished",
		bad: { ...one("matcher", "match_matched_request", "4x80"), ...one("task-publisher", "task_published_total", "9x80") },
		good: { ...one("matcher", "match_matched_request", "4x80"), ...one("task-publisher", "task_published_total", "0+1x80") },
		not: 285,
		after: 330,
	},
	{ alert: "KalypsoMatchesTooLate", bad: one("task-publisher", "task_too_late_total", "0x2 3x20"), good: one("task-publisher", "task_too_late_total", "3x20"), after: 120 },
	{ alert: "KalypsoTaskOverdue", bad: one("slasher-watcher", "task_overdue_seconds", "0+15x40"), good: one("slasher-watcher", "task_overdue_seconds", "100x40"), not: 180, after: 240 },
	{ alert: "KalypsoRefundsDue", bad: one("slasher-watcher", "request_expired", "2x60"), good: one("slasher-watcher", "request_expired", "2x20 0x40"), not: 585, after: 615 },
	{ alert: "KalypsoTransactionsHeld", bad: one("task-publisher", "tx_held", "1x20"), good: one("task-publisher", "tx_held", "1x2 0x18"), not: 45, after: 75 },
	{
		alert: "KalypsoAccountRunsDry",
		bad: { ...one("task-publisher", "tx_balance_gwei", "1000x400"), ...one("task-publisher", "tx_fee_gwei_total", "0+1x400") },
		good: { ...one("task-publisher", "tx_balance_gwei", "100000x400"), ...one("task-publisher", "tx_fee_gwei_total", "0+1x400") },
		not: 885,
		after: 5400,
	},
	{
		alert: "KalypsoManySlashed",
		bad: ended("0+8x100", "0+2x100"),
		good: ended("0+100x100", "0+2x100"),
		not: 585,
		after: 660,
	},

	// ---- stuck
	{ alert: "KalypsoAlarm", bad: one("matcher", "alarm_task_missing", "1x10"), good: one("matcher", "alarm_task_missing", "0x10"), not: 0, after: 30 },
	{
		alert: "KalypsoTransactionsStuck",
		bad: { ...one("task-publisher", "tx_in_flight", "1x120"), ...one("task-publisher", "tx_planned", "0x120"), ...one("task-publisher", "tx_mined_total", "9x120") },
		good: { ...one("task-publisher", "tx_in_flight", "1x120"), ...one("task-publisher", "tx_planned", "0x120"), ...one("task-publisher", "tx_mined_total", "0+1x120") },
		not: 585,
		after: 630,
	},
	{ alert: "KalypsoOutsider", bad: one("slasher-watcher", "tx_stopped", "1x10"), good: one("slasher-watcher", "tx_stopped", "0x10"), after: 15 },
	{ alert: "KalypsoBatchesRevert", bad: one("task-publisher", "task_dropped_total", "0x2 5x20"), good: one("task-publisher", "task_dropped_total", "5x20"), after: 120 },
	{ alert: "KalypsoSlashesPutOff", bad: one("slasher-watcher", "slash_put_off_total", "0+1x60"), good: one("slasher-watcher", "slash_put_off_total", "0x10 2x50"), after: 600 },
	{ alert: "KalypsoContradiction", bad: one("orderbook", "book_suspended", "1x10"), good: one("orderbook", "book_suspended", "0x10"), after: 15 },
	{ alert: "KalypsoQuarantine", bad: one("orderbook", "quarantine_held", "1x10"), good: one("orderbook", "quarantine_held", "0x10"), after: 15 },
	{ alert: "KalypsoContractsChanged", bad: one("chain-indexer", "event_unreadable_total", "0x2 1x20"), good: one("chain-indexer", "event_unreadable_total", "1x20"), after: 120 },
	{
		alert: "KalypsoWebhooksWait",
		bad: { ...one("webhook-gateway", "webhook_message_waiting", "3x120"), ...one("webhook-gateway", "webhook_delivered_total", "9x120") },
		good: { ...one("webhook-gateway", "webhook_message_waiting", "3x120"), ...one("webhook-gateway", "webhook_delivered_total", "0+1x120") },
		not: 885,
		after: 945,
	},
	{ alert: "KalypsoProofsMissed", bad: jobs("0x2 1x20"), good: jobs("1x20"), after: 120 },
	{ alert: "KalypsoProverFails", bad: one("listener", "prover_failed_total", "0+1x60"), good: one("listener", "prover_failed_total", "0x5 2x50"), after: 600 },

	// ---- cost
	{
		alert: "KalypsoFeesWasted",
		bad: { ...one("task-publisher", "tx_fee_gwei_total", "0+10x100"), ...one("task-publisher", "tx_fee_wasted_gwei_total", "0+2x100") },
		good: { ...one("task-publisher", "tx_fee_gwei_total", "0+10x100"), ...one("task-publisher", "tx_fee_wasted_gwei_total", "0x100") },
		not: 585,
		after: 660,
	},
	{ alert: "KalypsoMemoryLarge", bad: one("matcher", "process_resident_memory_bytes", "2e9x60"), good: one("matcher", "process_resident_memory_bytes", "3e8x60"), not: 585, after: 615 },
];

function answers(good, bad) {
	const classes = { 2: good, 3: "0x60", 4: "0x60", 5: bad };
	return Object.assign({}, ...Object.entries(classes).map(([c, values]) => one("webhook-gateway", `http_answered_${c}xx_total`, values)));
}

function appends(quick, every) {
	return {
		...one("orderbook", "log_append_seconds_bucket", quick, ',le="0.05"'),
		...one("orderbook", "log_append_seconds_bucket", every, ',le="1"'),
		...one("orderbook", "log_append_seconds_bucket", every, ',le="+Inf"'),
	};
}

function ended(fulfilled, slashed) {
	return {
		...one("webhook-gateway", "request_ended_total", fulfilled, ',outcome="fulfilled"'),
		...one("webhook-gateway", "request_ended_total", slashed, ',outcome="slashed"'),
	};
}

function jobs(missed) {
	const names = { job_missed_total: missed, job_slashed_total: "0x20", job_too_late_total: "0x20", job_refused_total: "0x20" };
	return Object.assign({}, ...Object.entries(names).map(([name, values]) => one("listener", name, values)));
}

// What a recording rule makes of series at a time.
export const RECORDED = [
	{
		record: "kalypso:log_unread_entries",
		series: { ...one("orderbook", "log_written_entry", "50x4", ',log="book"'), ...one("matcher", "log_read_entry", "43x4", ',log="book"'), ...one("webhook-gateway", "log_read_entry", "60x4", ',log="book"') },
		expect: { '{log="book",market="m",service="matcher",instance="matcher:1"}': 7, '{log="book",market="m",service="webhook-gateway",instance="webhook-gateway:1"}': 0 },
	},
	{
		record: "kalypso:chain_lag_blocks",
		series: { ...one("chain-indexer", "chain_head_block", "12x4"), ...one("chain-indexer", "chain_tip_block", "10x4"), ...one("listener", "chain_tip_block", "99x4") },
		expect: { '{market="m"}': 2 },
	},
	{ record: "kalypso:chain_tip_age_seconds", series: one("chain-indexer", "chain_tip_timestamp_seconds", "20x4"), expect: { '{market="m"}': 40 } },
	{
		record: "kalypso:tx_account_left_hours",
		at: 3600,
		series: { ...one("task-publisher", "tx_balance_gwei", "2400x300"), ...one("task-publisher", "tx_fee_gwei_total", "0+1x300"), ...one("slasher-watcher", "tx_balance_gwei", "5x300"), ...one("slasher-watcher", "tx_fee_gwei_total", "3x300") },
		expect: { '{market="m",service="task-publisher",instance="task-publisher:1"}': 10 },
	},
	{
		record: "kalypso:tx_fee_gwei_per_proof:1h",
		at: 3600,
		series: { ...one("task-publisher", "tx_fee_gwei_total", "0+6x300"), ...one("listener", "tx_fee_gwei_total", "0+99x300"), ...one("webhook-gateway", "request_ended_total", "0+2x300", ',outcome="fulfilled"') },
		expect: { '{market="m"}': 3 },
	},
];
