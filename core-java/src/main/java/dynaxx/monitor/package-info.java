/**
 * Says what happened in the landscape: rule sets that read the measurements of a run in order and
 * report events, each with its evidence. Two of them read the same series: the article's rules as
 * they are stated ({@link dynaxx.monitor.Rules#article}), and rules calibrated to a stated rate of
 * false alarms ({@link dynaxx.monitor.Rules#calibrated}).
 */
package dynaxx.monitor;
