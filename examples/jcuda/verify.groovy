def log = new File(basedir, 'build.log').text
assert log.contains('no CUDA driver on this machine') || log.contains('squared norm 25.0')
