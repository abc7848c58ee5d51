def log = new File(basedir, 'build.log').text
assert log.contains('examples 64') && log.contains('lambda_max ')
