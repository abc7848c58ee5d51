/**
 * The ops of networks. Not exported: networks are made by {@code dynaxx.model} and by importers.
 */
package dynaxx.network.op;
