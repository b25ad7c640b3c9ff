// Unit tests of rules, in the form that `promtool test rules` reads.
import { ALERTS, RECORDED } from "./alerts.mjs";

const input = (series) => Object.entries(series).map(([name, values]) => ({ series: name, values }));
const at = (seconds) => `${seconds}s`;
const firing = (alert, seconds, value) => ({
	expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
	eval_time: at(seconds),
	exp_samples: value ? [{ labels: "{}", value }] : [],
});

const fires = ({ alert, bad, not, after }) => ({
	interval: "15s",
	input_series: input(bad),
	promql_expr_test: [...(not === undefined ? [] : [firing(alert, not, 0)]), firing(alert, after, 1)],
});

const stays = ({ alert, good, after }) => ({
	interval: "15s",
	input_series: input(good),
	promql_expr_test: [firing(alert, after, 0)],
});

const recorded = ({ record, series, expect, at: seconds = 60 }) => ({
	interval: "15s",
	input_series: input(series),
	promql_expr_test: [
		{
			expr: record,
			eval_time: at(seconds),
			exp_samples: Object.entries(expect).map(([labels, value]) => ({ labels: `${record}${labels}`, value })),
		},
	],
});

// JSON is YAML.
export const ruleTests = (files) =>
	JSON.stringify({
		rule_files: files,
		evaluation_interval: "15s",
		tests: [...ALERTS.map(fires), ...ALERTS.map(stays), ...RECORDED.map(recorded)],
	});
