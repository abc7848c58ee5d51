assert new File(basedir, 'build.log').text.contains('lambda_max 8.000')
