/**
 * Runs to look at: a live page ({@link dynaxx.dashboard.DashboardSink}, {@link
 * dynaxx.dashboard.Dashboard}), reports in one file, TensorBoard event files and Micrometer meters.
 * What they show follows from the descriptors of {@link dynaxx.spectrum.Signal}.
 */
package dynaxx.dashboard;
