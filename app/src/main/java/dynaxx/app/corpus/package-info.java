/**
 * Several hundred small trainings, most of them in trouble: what warnings are tuned on and measured
 * by.
 */
package dynaxx.app.corpus;
