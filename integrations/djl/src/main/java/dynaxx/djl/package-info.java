/**
 * Curvature of models of the Deep Java Library: networks made of DJL's blocks, products through
 * DJL's engine, and a listener that watches a training.
 */
package dynaxx.djl;
