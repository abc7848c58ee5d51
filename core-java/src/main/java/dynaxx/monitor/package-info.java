/**
 * Watches a training: decides when to measure, reports what happened, advises what to do, and
 * writes it down.
 *
 * <pre>{@code
 * PhaseMonitor monitor = PhaseMonitor.of(probe, parameters).budget(0.05).build();
 * for (int step = 0; step < steps; step++) {
 *   PhaseMonitor.Outcome outcome = monitor.afterStep(StepReport.at(step).loss(trainer.step()));
 *   outcome.events().forEach(System.out::println);
 * }
 * }</pre>
 *
 * <p>There are two rule sets: {@link dynaxx.monitor.Rules#calibrated}, with a stated rate of false
 * alarms, and {@link dynaxx.monitor.Rules#article}, those of the article "dynaxx dissection:
 * probing phase transitions in neural network loss landscapes" as it states them.
 */
package dynaxx.monitor;
